"""torchrun and plain host files: the node ranks in ring order, and the line each host runs.

NCCL joins nodes in the order of first appearance of their ranks, so the rank file is the placement.
"""

from __future__ import annotations

from roundelay.fabric.emit import lint
from roundelay.fabric.emit.view import Emitted, View, group_name

MASTER_PORT = 29500
# How long the first host waits for the last; a large job starts slowly.
TIMEOUT_S = 1800
ARBITRARY = "SLURM_HOSTFILE=DIR/hostfile srun --distribution=arbitrary"
ARBITRARY_RANKS = "SLURM_HOSTFILE=DIR/hostfile.ranks srun --distribution=arbitrary"
# With the agent's store shared, the workers' store keeps a stale prefix after a restart.
ENVIRONMENT = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}


def ranks_tsv(view: View) -> str:
    """Return the rank file: a line per node: its rank, host, first and last GPU rank, group, ring index."""
    r = view.gpus_per_node
    lines = ["# node_rank\thost\tfirst_rank\tlast_rank\tgroup\tring_index"]
    rank = 0
    for index, group in enumerate(view.groups):
        for place, host in enumerate(group):
            name = group_name(view.job.name, index)
            lines.append(f"{rank}\t{host}\t{rank * r}\t{rank * r + r - 1}\t{name}\t{place}")
            rank += 1
    return "\n".join(lines) + "\n"


def torchrun_line(view: View, node_rank: str) -> str:
    """Return the torchrun call of one host, without the program to run."""
    return (
        f"torchrun --nnodes={len(view.hosts)} --nproc-per-node={view.gpus_per_node} --node-rank={node_rank} "
        f"--rdzv-backend=static --master-addr={view.hosts[0]} --master-port={MASTER_PORT} "
        f"--rdzv-conf=timeout={TIMEOUT_S}"
    )


def run_sh(view: View) -> str:
    """Return a script that every host runs alike: it finds its own rank in ranks.tsv beside it and starts torchrun."""
    exports = "\n".join(f"export {key}={value}" for key, value in ENVIRONMENT.items())
    return f"""#!/usr/bin/env bash
# {view.header}
# Every host runs this alike, under any launcher: run.sh PROGRAM [ARGUMENT...]
set -euo pipefail
here="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"
host="${{NODE_NAME:-${{SLURMD_NODENAME:-$(hostname)}}}}"
rank=""
while IFS=$'\\t' read -r node_rank name _; do
  if [ "$name" = "$host" ]; then rank="$node_rank"; break; fi
  if [ "$name" = "${{host%%.*}}" ]; then rank="$node_rank"; fi
done < <(cat "$here"/ranks*.tsv)
if [ -z "$rank" ]; then
  echo "run.sh: $host is not in $here/ranks.tsv; set NODE_NAME to this node's name there" >&2
  exit 2
fi
{exports}
exec {torchrun_line(view, '"$rank"')} "$@"
"""


def hostfile(view: View) -> Emitted:
    """Return host files for one task a node and one task a GPU, and the srun lines that keep their order."""
    lint.slurm_names(view.hosts, "host")
    r, nodes = view.gpus_per_node, len(view.hosts)
    return Emitted(
        {
            "hostfile": "".join(f"{host}\n" for host in view.hosts),
            "hostfile.ranks": "".join(f"{host}\n" * r for host in view.hosts),
            "ranks.tsv": ranks_tsv(view),
            "run.sh": run_sh(view),
        },
        (
            f"{ARBITRARY} --nodes={nodes} --ntasks={nodes} --exclusive DIR/run.sh train.py",
            f"{ARBITRARY_RANKS} --nodes={nodes} --ntasks={nodes * r} --exclusive python train.py",
        ),
        ("The first line starts torchrun once a node, the second your program once a GPU.",),
    )


def torchrun(view: View) -> Emitted:
    """Return the rank file, the script for all hosts and each host's own line with its static node rank."""
    lint.host_names(view.hosts)
    env = " ".join(f"{key}={value}" for key, value in ENVIRONMENT.items())
    before, after = torchrun_line(view, "\0").split("\0")
    lines = [f"{host}\t{env} {before}{rank}{after} train.py\n" for rank, host in enumerate(view.hosts)]
    return Emitted(
        {"ranks.tsv": ranks_tsv(view), "run.sh": run_sh(view), "launch.tsv": "".join(lines)},
        (
            "DIR/run.sh train.py",
            'while IFS=$\'\\t\' read -r host line; do ssh -n "$host" "$line" & done < DIR/launch.tsv; wait',
        ),
        (
            "The first line is for every host to run; the second starts each host's own line of launch.tsv by ssh.",
            "Ranks are static: torchrun's c10d backend would sort the hosts as strings and undo the ring.",
        ),
    )
