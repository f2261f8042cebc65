"""Our files before the real daemons: slurmctld and one slurmd a node on this machine, over loopback.

Debian's slurm-wlm is 22.05, built for several slurmd on one machine: it reads topology.conf as a tree. Blocks (23.11)
and rings (26.05) are beyond it.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import emit_case
import pytest

from roundelay.fabric.emit import folder
from roundelay.fabric.emit.targets import emit
from roundelay.fabric.inventory import read as inventory
from roundelay.fabric.reading.hostlist import expand

CASE = emit_case.placement()
HOSTS = [CASE.host(node) for node in CASE.rank_order("llama")]
ALL_HOSTS = [CASE.host(node) for node in range(CASE.deployment.nodes)]
READY_S, COMMAND_S = 60, 60
PROGRAMS = ("slurmctld", "slurmd", "srun", "sinfo", "scontrol")
PATH = f"{os.environ['PATH']}:/usr/sbin"

SLURM_CONF = """
ClusterName=roundelay
SlurmctldHost={name}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SchedulerType=sched/builtin
TopologyPlugin=topology/tree
SlurmdParameters=config_overrides
ReturnToService=2
PartitionName=main Nodes=ALL Default=YES State=UP
"""


@dataclass(frozen=True)
class Cluster:
    """A running Slurm: its configuration and the folders that were emitted for it."""

    conf: Path
    tree: Path
    hostfile: Path

    def run(self, *args: str, **environment: str) -> str:
        """Run a Slurm command; return its stdout, or fail with what it said."""
        env = {"PATH": PATH, "SLURM_CONF": str(self.conf), **environment}
        done = subprocess.run(args, env=env, capture_output=True, text=True, timeout=COMMAND_S)
        assert done.returncode == 0, f"{args}: {done.stderr}"
        return done.stdout


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def configure(root: Path) -> Path:
    """Write slurm.conf beside the emitted topology.conf; return its path."""
    ports, name = free_ports(1 + len(ALL_HOSTS)), socket.gethostname()
    text = SLURM_CONF.format(name=name, port=ports[0], user=getpass.getuser(), root=root)
    for host, port in zip(ALL_HOSTS, ports[1:], strict=True):
        text += f"NodeName={host} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} CPUs=4 RealMemory=64\n"
        (root / "spool" / host).mkdir(parents=True)
    (root / "state").mkdir()
    (root / "slurm.conf").write_text(text)
    return root / "slurm.conf"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Slurm of the case's 24 nodes with the emitted topology.conf; its processes are ended by their ids."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not found: install Debian's slurm-wlm")
    root = tmp_path_factory.mktemp("slurm")
    made = Cluster(configure(root), root / "tree", root / "host files")
    for path, target in ((made.tree, "slurm-tree"), (made.hostfile, "hostfile")):
        folder.write(path, emit(CASE, target, "llama").files, {})
    shutil.copy(made.tree / "topology.conf", root)
    env = {"PATH": PATH, "SLURM_CONF": str(made.conf)}
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((root / "daemons.log").open("wb"))
        for command in (["slurmctld", "-D", "-i"], *(["slurmd", "-D", "-N", host] for host in ALL_HOSTS)):
            daemon = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(stop, daemon)
        wait_until_idle(made, root)
        yield made


def stop(daemon: subprocess.Popen[bytes]) -> None:
    """End one process that we started, by its id."""
    daemon.terminate()
    try:
        daemon.wait(timeout=20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def wait_until_idle(cluster: Cluster, root: Path) -> None:
    deadline, seen = time.monotonic() + READY_S, ""
    while time.monotonic() < deadline:
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            seen = cluster.run("sinfo", "--noheader", "--format=%D %t").strip()
            if seen == f"{len(ALL_HOSTS)} idle":
                return
        time.sleep(0.5)
    pytest.fail(f"after {READY_S} s the nodes are {seen!r}; {(root / 'daemons.log').read_text()[-2000:]}")


def ranks(output: str) -> list[str]:
    """Return the hosts of lines `rank host`, by rank."""
    by_rank = dict(line.split() for line in output.splitlines())
    return [by_rank[str(rank)] for rank in range(len(by_rank))]


SAY = ("sh", "-c", "echo $SLURM_PROCID $SLURMD_NODENAME")


def test_srun_prints_the_ranks_in_ring_order(cluster: Cluster) -> None:
    out = cluster.run("srun", "--distribution=arbitrary", "--nodes=8", "--ntasks=8", "--exclusive", *SAY,
                      SLURM_HOSTFILE=str(cluster.tree / "hostfile"))  # fmt: skip
    assert ranks(out) == HOSTS


def test_one_task_a_gpu_keeps_a_nodes_ranks_together(cluster: Cluster) -> None:
    out = cluster.run("srun", "--distribution=arbitrary", "--nodes=8", "--ntasks=32", "--exclusive", *SAY,
                      SLURM_HOSTFILE=str(cluster.hostfile / "hostfile.ranks"))  # fmt: skip
    assert ranks(out) == [host for host in HOSTS for _ in range(4)]


def test_without_the_host_file_slurm_orders_by_its_own_list(cluster: Cluster) -> None:
    """The reason for the host file: the same nodes asked for in ring order come back sorted."""
    nodes = f"--nodelist={cluster.tree / 'hostfile'}"
    out = cluster.run("srun", "--nodes=8", "--ntasks=8", "--ntasks-per-node=1", "--exclusive", nodes, *SAY)
    assert ranks(out) == sorted(HOSTS) != HOSTS


def test_run_sh_undoes_slurms_order(cluster: Cluster, tmp_path: Path) -> None:
    """What block and ring rely on: each host looks its own rank up."""
    fake = tmp_path / "torchrun"
    fake.write_text(
        '#!/bin/sh\nfor word; do case $word in --node-rank=*) echo "${word#*=} $SLURMD_NODENAME";; esac; done\n'
    )
    fake.chmod(0o755)
    out = cluster.run("srun", "--nodes=8", "--ntasks=8", "--ntasks-per-node=1", "--exclusive",
                      f"--nodelist={cluster.tree / 'hostfile'}", str(cluster.tree / "run.sh"), "train.py",
                      PATH=f"{tmp_path}:{PATH}")  # fmt: skip
    assert ranks(out) == HOSTS


def test_slurmctld_reads_our_tree_as_it_is(cluster: Cluster) -> None:
    lines = [
        dict(word.split("=") for word in line.split())
        for line in cluster.run("scontrol", "show", "topology").splitlines()
    ]
    switches = {line["SwitchName"]: line for line in lines}
    assert sorted(switches) == sorted([*(f"tor{tor:02d}" for tor in range(12)), "pod0", "pod1", "pod2", "core"])
    for tor in range(12):
        assert expand(switches[f"tor{tor:02d}"]["Nodes"]) == ALL_HOSTS[2 * tor : 2 * tor + 2]
    assert expand(switches["pod1"]["Switches"]) == [f"tor{tor:02d}" for tor in range(4, 8)]
    assert expand(switches["core"]["Nodes"]) == ALL_HOSTS


def test_slurms_own_words_read_back_as_the_racks(cluster: Cluster, tmp_path: Path) -> None:
    """`scontrol show nodes` and `show topology`, in one stream, line by line and as two files."""
    nodes, topology = (cluster.run("scontrol", "show", what) for what in ("nodes", "topology"))
    brief = cluster.run("scontrol", "--oneliner", "show", "nodes")
    for name, text in (("both", nodes + topology), ("brief", brief + topology), ("n", nodes), ("t", topology)):
        (tmp_path / name).write_text(text)
    for files in (("both",), ("brief",), ("n", "t"), ("t",)):
        value = inventory.read([tmp_path / name for name in files])
        slots = value.slots(4, CASE.deployment.ring.k)
        assert list(slots.names) == ALL_HOSTS and slots.deployment == CASE.deployment
        assert slots.tors == tuple(f"tor{tor:02d}" for tor in range(12)) and not slots.down
        assert slots.domains == tuple(f"pod{tor // 4}" for tor in range(12))
    table = cluster.run("sinfo", "--Node", "--format=%N %T")
    (tmp_path / "sinfo").write_text(table)
    assert {host.name for host in inventory.read([tmp_path / "sinfo"]).hosts} == set(ALL_HOSTS)
