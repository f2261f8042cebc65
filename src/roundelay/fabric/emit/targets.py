"""The targets of `roundelay fabric emit`, by name."""

from __future__ import annotations

from collections.abc import Callable

from roundelay.fabric.emit import kubernetes, kueue, megatron, ray, slurm, topograph, torchrun, volcano
from roundelay.fabric.emit.view import Emitted, View
from roundelay.fabric.placement.placement import Placement

TARGETS: dict[str, Callable[[View], Emitted]] = {
    "slurm-ring": slurm.ring,
    "slurm-block": slurm.block,
    "slurm-tree": slurm.tree,
    "hostfile": torchrun.hostfile,
    "torchrun": torchrun.torchrun,
    "kueue": kueue.kueue,
    "volcano": volcano.volcano,
    "labels": kubernetes.labels,
    "megatron": megatron.megatron,
    "ray": ray.ray,
    "topograph": topograph.topograph,
}


def emit(placement: Placement, target: str, job: str | None = None, pp: int = 1) -> Emitted:
    """Return the files of one job for one target, linted; `pp` is read by megatron alone.

    Raises `BadInput` for an unknown job and for what the target's scheduler would reject.
    """
    view = View.of(placement, job)
    return megatron.megatron(view, pp) if target == "megatron" else TARGETS[target](view)
