"""The emitters: golden files, byte for byte, and the laws behind them."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
from pathlib import Path

import emit_case
import numpy as np
import pytest
import yaml

from roundelay.errors import BadInput
from roundelay.fabric.emit.targets import TARGETS, emit
from roundelay.fabric.emit.view import View, break_after, free_cut, segment_index
from roundelay.fabric.inventory import read as inventory
from roundelay.fabric.placement.placement import JobPlace, Placement, read
from roundelay.fabric.reading.hostlist import compress, expand
from roundelay.fabric.topology.deployment import Deployment

CASE = emit_case.placement()
HOSTS = [CASE.host(node) for node in CASE.rank_order("llama")]


@pytest.mark.parametrize("target", TARGETS)
def test_golden_bytes(target: str) -> None:
    golden = {path.name: path.read_text() for path in (emit_case.GOLDEN / target).iterdir()}
    assert emit(CASE, target, "llama").files == golden, "python tests/fabric/emit_case.py writes them anew"


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_of_a_placement_gives_the_same_bytes(target: str, tmp_path: Path) -> None:
    (tmp_path / "placement.json").write_text(CASE.dumps())
    assert emit(read(tmp_path / "placement.json"), target, "llama") == emit(CASE, target, "llama")


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_says_what_to_type(target: str) -> None:
    commands = emit(CASE, target, "llama").commands
    assert commands and all("DIR/" in command for command in commands)


def seeded(seed: int) -> Placement:
    """Return a placement on a random fabric with random faults: every second group of the free cut is the job's."""
    dice = random.Random(seed)
    p, k = dice.choice((1, 2, 4)), dice.choice((1, 2, 3))
    nodes = p * dice.randint(8, 20)
    deployment = Deployment.of(nodes, 4, k, p, closed=dice.random() < 0.5)
    down = tuple(sorted(dice.sample(range(nodes), dice.randint(0, nodes // 4))))
    groups, _ = free_cut(Placement(deployment, (), down), 2)
    return Placement(deployment, (JobPlace("j", 8, tuple(map(tuple, groups[::2]))),), down).check()


@pytest.mark.parametrize("seed", range(40))
def test_the_free_cut_is_realisable_and_loses_no_node(seed: int) -> None:
    case = seeded(seed)
    groups, rest = free_cut(case, 3)
    free = set(np.flatnonzero(~case.down_mask() & (case.group_of() < 0)).tolist())
    cut = [node for group in groups + rest for node in group]
    assert sorted(cut) == sorted(free)
    more = JobPlace("more", 12, tuple(map(tuple, groups)))
    assert case.with_job(more).job("more") is more  # check() raises where a group is not realisable


@pytest.mark.parametrize("seed", range(40))
def test_a_true_break_is_where_the_segment_changes(seed: int) -> None:
    case = seeded(seed)
    deployment, n = case.deployment, case.deployment.nodes
    segment_N, spacers = segment_index(case), break_after(case)
    ring_P = deployment.node(np.arange(n)).tolist()
    for node, spacer in spacers.items():
        assert spacer in case.down and segment_N[node] >= 0
        place = ring_P.index(node)
        ahead = [ring_P[(place + hop) % n] for hop in range(1, deployment.ring.k + 1)]
        assert ahead[0] == spacer and all(segment_N[other] == -1 for other in ahead)
    alive = [node for node in ring_P if segment_N[node] >= 0]
    for left, right in itertools.pairwise(alive):
        gap = ring_P.index(right) - ring_P.index(left)
        assert (left in spacers) == (gap > deployment.ring.k)
        assert segment_N[left] == segment_N[right] or left in spacers


def test_rank_order_is_ring_order_everywhere() -> None:
    ranks = [line.split("\t") for line in emit(CASE, "torchrun", "llama").files["ranks.tsv"].splitlines()[1:]]
    assert [line[1] for line in ranks] == HOSTS
    assert [int(line[2]) for line in ranks] == list(range(0, 32, 4))
    assert emit(CASE, "hostfile", "llama").files["hostfile"].split() == HOSTS
    assert emit(CASE, "hostfile", "llama").files["hostfile.ranks"].split() == [h for h in HOSTS for _ in range(4)]
    mesh = json.loads(emit(CASE, "megatron", "llama").files["mesh.json"])
    assert [rank["host"] for rank in mesh["ranks"]][::4] == HOSTS
    rings = yaml.safe_load(emit(CASE, "slurm-ring", "llama").files["topology.yaml"])[0]["ring"]["rings"]
    assert expand(rings[0]["nodes"]) + expand(rings[1]["nodes"]) == HOSTS


def test_the_ray_selectors_fit_one_started_node_each_in_rank_order() -> None:
    files = emit(CASE, "ray", "llama").files
    started = {}
    for line in files["start.tsv"].splitlines():
        host, command = line.split("\t")
        started[host] = dict(pair.split("=") for pair in command.partition("--labels=")[2].split(","))
    group = json.loads(files["placement_group.json"])
    assert len(group["bundles"]) == len(group["bundle_label_selector"]) == 8
    chosen = [[host for host, own in started.items() if own == want] for want in group["bundle_label_selector"]]
    assert chosen == [[host] for host in HOSTS]


def test_megatrons_order_is_the_row_major_mesh() -> None:
    case = emit_case.placement(alone=True)
    value = json.loads(emit(case, "megatron", pp=2).files["mesh.json"])
    # Megatron's rank generator: in the order tp-cp-ep-dp-pp the first axis turns fastest.
    sizes = {"tp": 16, "cp": 1, "ep": 1, "dp": 1, "pp": 2}
    for rank in value["ranks"]:
        rest = rank["rank"]
        for axis in value["order"].split("-"):
            rest, place = divmod(rest, sizes[axis])
            assert rank.get(axis, 0) == place
    assert np.array_equal(np.array(value["mesh"]), np.arange(32).reshape(2, 1, 16))
    with pytest.raises(BadInput, match="divide the job's 2 TP groups"):
        emit(case, "megatron", pp=3)


def test_run_sh_finds_its_rank_on_every_host_and_refuses_a_stranger(tmp_path: Path) -> None:
    for name, text in emit(CASE, "torchrun", "llama").files.items():
        (tmp_path / name).write_text(text)
    fake = tmp_path / "bin" / "torchrun"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "$TORCH_DISABLE_SHARE_RDZV_TCP_STORE $*"\n')
    fake.chmod(0o755)

    def run(**names: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{fake.parent}:{os.environ['PATH']}", **names}
        return subprocess.run(["bash", tmp_path / "run.sh", "a.py", "b c"], env=env, capture_output=True, text=True)

    own = [line.split("\t") for line in (tmp_path / "launch.tsv").read_text().splitlines()]
    for rank, (host, command) in enumerate(own):
        outcome = run(NODE_NAME=host)
        assert outcome.stdout.startswith("1 --nnodes=8 --nproc-per-node=4 ")
        assert f"--node-rank={rank} " in outcome.stdout and outcome.stdout.endswith(" a.py b c\n")
        assert outcome.stdout.split(" a.py")[0].removeprefix("1 ") in command
    assert "--node-rank=3 " in run(SLURMD_NODENAME=f"{HOSTS[3]}.cluster.example").stdout
    stranger = run(NODE_NAME="node-000001")
    assert stranger.returncode == 2 and "node-000001 is not in" in stranger.stderr


@pytest.mark.parametrize("seed", range(30))
def test_a_host_list_reads_back_in_its_order(seed: int) -> None:
    dice = random.Random(seed)
    names = [f"{dice.choice(('a', 'b-', 'rack1-n'))}{dice.randint(0, 12):0{dice.choice((1, 3))}d}" for _ in range(30)]
    names += [f"c{number:04d}" for number in range(dice.randint(0, 9))] + ["login"]
    assert expand(compress(names)) == names
    assert len(compress([f"c{number:05d}" for number in range(5000)])) == len("c[00000-04999]")


@pytest.mark.parametrize("text", ["a[0-3", "a]", "a[3-1]", ",a", "a,,b", "a[1-2-3]"])
def test_a_broken_host_list_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="host list"):
        expand(text)


def slurm_ring_picks(rings: list[list[str]], idle: set[str], size: int) -> set[tuple[str, ...]]:
    """Return every run of `size` idle nodes that topology/ring may take: lists are closed, no node is passed over."""
    return {
        tuple(run)
        for ring in rings
        if size <= len(ring)
        for start in range(len(ring))
        if idle.issuperset(run := [ring[(start + i) % len(ring)] for i in range(size)])
    }


@pytest.mark.parametrize("seed", range(40))
def test_slurm_takes_only_groups_that_the_fibres_can_form(seed: int) -> None:
    case = seeded(seed)
    if not case.jobs[0].groups:
        pytest.fail(f"seed {seed} places no group; draw another")
    text = emit(case, "slurm-ring").files["topology.yaml"]
    named = {ring["ring"]: expand(ring["nodes"]) for ring in yaml.safe_load(text)[0]["ring"]["rings"]}
    rings = list(named.values())
    assert all(len(ring) <= 16 for ring in rings)
    listed = [host for ring in rings for host in ring]
    assert len(set(listed)) == len(listed)
    number = {case.host(node): node for node in range(case.deployment.nodes)}
    idle = {host for host, node in number.items() if node not in case.down}
    assert idle <= set(listed)
    position, ring = case.deployment.position, case.deployment.ring
    whole = [hosts for name, hosts in named.items() if not name.startswith("rest-")]
    picks = slurm_ring_picks(whole, idle, 2)
    assert len({frozenset(run) for run in picks}) == len(whole)  # one choice a ring: the group itself
    for run in picks:
        chain = sorted(position(np.array([number[host] for host in run])).tolist())
        assert ring.conflict(chain) is None


def test_a_spacer_stands_at_a_true_break_and_nowhere_else() -> None:
    text = emit(CASE, "slurm-ring", "llama").files["topology.yaml"]
    rings = {ring["ring"]: expand(ring["nodes"]) for ring in yaml.safe_load(text)[0]["ring"]["rings"]}
    dead = {CASE.host(node) for node in CASE.down}
    spaced = [name for name, hosts in rings.items() if dead & set(hosts)]
    assert spaced == ["other-g00000"] and rings["other-g00000"][-1] in dead


def test_topology_conf_and_yaml_say_the_same() -> None:
    for target, kind, many, one, keys in (
        ("slurm-tree", "tree", "switches", "switch", {"Nodes": "nodes", "Switches": "children"}),
        ("slurm-block", "block", "blocks", "block", {"Nodes": "nodes"}),
    ):
        files = emit(CASE, target, "llama").files
        lines = [dict(w.split("=") for w in line.split()) for line in files["topology.conf"].splitlines()[1:]]
        name = f"{one.capitalize()}Name"
        conf = [{one: line[name], **{keys[k]: line[k] for k in keys if k in line}} for line in lines if name in line]
        assert yaml.safe_load(files["topology.yaml"])[0][kind][many] == conf


def test_the_topograph_graph_reads_back_as_the_racks(tmp_path: Path) -> None:
    case = emit_case.placement(alone=True)
    whole = Placement(case.deployment, case.jobs)  # the graph leaves out what is down
    (tmp_path / "graph.json").write_text(emit(whole, "topograph").files["graph.json"])
    slots = inventory.read([tmp_path / "graph.json"]).slots(4, 3)
    assert slots.names == tuple(whole.host(node) for node in range(24))
    assert slots.deployment == case.deployment
    assert View.of(whole).hosts == View.of(case).hosts


def test_down_hosts_of_a_graph_are_slots_without_a_host(tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_text(emit(CASE, "topograph", "llama").files["graph.json"])
    slots = inventory.read([tmp_path / "graph.json"]).slots(4, 3)
    assert len(slots.missing) == len(CASE.down)
    assert slots.deployment.nodes == CASE.deployment.nodes
    assert {name for name in slots.names if name} == {CASE.host(n) for n in range(24) if n not in CASE.down}


SLURM_UNITS = [("slurm-block", "block", "blocks"), ("slurm-tree", "tree", "switches")]


@pytest.mark.parametrize(("target", "plugin", "kind"), SLURM_UNITS)
def test_move_sh_puts_every_node_into_the_unit_that_topology_yaml_gives_it(target: str, plugin: str, kind: str) -> None:
    files = emit(CASE, target, "llama").files
    unit = kind.removesuffix("s") if plugin == "block" else "switch"
    (topology,) = yaml.safe_load(files["topology.yaml"])
    units = {each[unit]: each["nodes"] for each in topology[plugin][kind] if "nodes" in each}
    moved = dict(
        reversed(re.fullmatch(r"scontrol update NodeName=(\S+) Topology=roundelay:(\S+)", line).groups())  # type: ignore[union-attr]
        for line in files["move.sh"].splitlines()[3:]
    )
    assert moved == units
