"""Checkpoints of a training stage: model, optimiser, step and the metrics not yet written, in `<out>/<stage>.pt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from roundelay.console import note
from roundelay.errors import BadInput
from roundelay.files import replacing
from roundelay.train.distributed import broadcast_object, rank
from roundelay.train.metrics import MetricsLog


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The contents of a checkpoint; raises `BadInput` for a file that is missing, cut short, or something else."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        whole = {"model": kept["model"], "adam": kept.get("adam"), "step": int(kept["step"])}
        return whole | {"sums": kept.get("sums", {})}
    except Exception:  # pickle, zip and torch each raise kinds of their own
        raise BadInput(
            "checkpoint", path, "cannot be read or is damaged; remove it and train its stage again"
        ) from None


def load_state(module: nn.Module | torch.optim.Optimizer, state: dict[str, Any], path: Path) -> None:
    """Load a state of the checkpoint `path`; raises `BadInput` where it is of another shape."""
    try:
        module.load_state_dict(state)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError):
        raise BadInput("checkpoint", path, "is of a model of another shape; give another --out or --config") from None


def load_stage(model: nn.Module, path: Path) -> int:
    """Load a stage's model from its checkpoint; returns the step. Raises `BadInput` when the stage has not run."""
    if not path.is_file():
        raise BadInput("checkpoint", path, f"is not there; run --stage {path.stem} first")
    kept = read_checkpoint(path)
    load_state(model, kept["model"], path)
    return int(kept["step"])


def resume(path: Path, model: nn.Module, adam: torch.optim.Optimizer, log: MetricsLog) -> int:
    """Load model, optimiser and log from a checkpoint, if there is one; returns the step to go on from."""
    kept = broadcast_object(read_checkpoint(path) if rank() == 0 and path.is_file() else None)
    if kept is None:
        return 0
    load_state(model, kept["model"], path)
    load_state(adam, kept["adam"], path)
    log.sums = kept["sums"]
    note(f"{path.stem}: resumed at step {kept['step']}")
    return int(kept["step"])


def save(path: Path, model: nn.Module, adam: torch.optim.Optimizer, step: int, log: MetricsLog) -> None:
    """Write a checkpoint, whole or not at all."""
    kept = {"model": model.state_dict(), "adam": adam.state_dict(), "step": step, "sums": log.sums}
    with replacing(path, force=True) as temporary:
        torch.save(kept, temporary)
