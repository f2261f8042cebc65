"""Megatron-LM and DeviceMesh: which host and GPU is which rank, and its place on the axes.

Megatron's order tp-cp-ep-dp-pp puts tp innermost and pp outermost; with cp = ep = 1 that is the mesh (pp, dp, tp) in
row-major order, so a TP group is consecutive ranks and a ring of the fabric.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.emit import lint
from roundelay.fabric.emit.torchrun import ranks_tsv, run_sh
from roundelay.fabric.emit.view import Emitted, View

ORDER = "tp-cp-ep-dp-pp"
AXES = ("pp", "dp", "tp")


def mesh(view: View, pp: int) -> np.ndarray:
    """Return the ranks as int64 [pp, dp, tp]; raises `BadInput` where the groups do not fill the pipeline's stages."""
    groups = len(view.job.groups)
    if pp < 1 or groups % pp:
        raise BadInput("--pp", pp, f"does not divide the job's {groups} TP groups")
    return np.arange(groups * view.job.tp).reshape(pp, groups // pp, view.job.tp)


def rank_map(view: View, pp: int) -> dict[str, Any]:
    """Return the mesh and every rank's host, local rank and place on each axis, as it stands in mesh.json."""
    ranks_PDT = mesh(view, pp)
    r, hosts = view.gpus_per_node, view.hosts
    return {
        "order": ORDER,
        "mesh_dim_names": list(AXES),
        "mesh_shape": list(ranks_PDT.shape),
        "mesh": ranks_PDT.tolist(),
        "ranks": [
            {"rank": int(rank), "host": hosts[rank // r], "local_rank": int(rank % r), "pp": p, "dp": d, "tp": t}
            for (p, d, t), rank in np.ndenumerate(ranks_PDT)
        ],
    }


def megatron(view: View, pp: int = 1) -> Emitted:
    """Return the rank map, the rank file and Megatron's arguments for `pp` stages of dp = groups/pp replicas."""
    lint.host_names(view.hosts)
    value = rank_map(view, pp)
    arguments = (
        f"--tensor-model-parallel-size {view.job.tp} --context-parallel-size 1 --expert-model-parallel-size 1 "
        f"--pipeline-model-parallel-size {pp}"
    )
    return Emitted(
        {
            "mesh.json": json.dumps(value, separators=(",", ":")) + "\n",
            "megatron.args": arguments + "\n",
            "ranks.tsv": ranks_tsv(view),
            "run.sh": run_sh(view),
        },
        ("DIR/run.sh pretrain_gpt.py $(cat DIR/megatron.args)",),
        (
            f"Every host runs it. Keep Megatron's default order {ORDER} (no --use-tp-pp-dp-mapping). DeviceMesh: "
            f'init_device_mesh("cuda", {tuple(value["mesh_shape"])}, mesh_dim_names={AXES}).',
        ),
    )
