"""Data-parallel training on several processes (torchrun): ranks, broadcasts, gradient averaging; no-ops in one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import distributed, nn


def rank() -> int:
    """This process' rank (set by torchrun); 0 without torchrun."""
    return int(os.environ.get("RANK", "0"))


def ranks() -> int:
    """How many processes train together; the process group is opened on the first call (gloo on CPUs, nccl on GPUs)."""
    if "WORLD_SIZE" in os.environ and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return distributed.get_world_size() if distributed.is_initialized() else 1


def barrier() -> None:
    """Wait until all processes are here."""
    if distributed.is_initialized():
        distributed.barrier()


def all_reduce_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replace every process' gradients by their mean, in one message for all, since the models here are small."""
    if not distributed.is_initialized():
        return
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    line = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    distributed.all_reduce(line)
    line /= distributed.get_world_size()
    at = 0
    for p in parameters:
        if p.grad is not None:
            p.grad.copy_(line[at : at + p.numel()].view_as(p))
            at += p.numel()


def broadcast_weights(model: nn.Module) -> None:
    """Give every process the weights of rank 0."""
    if distributed.is_initialized():
        for value in model.state_dict().values():
            distributed.broadcast(value.detach(), 0)


def broadcast_object(value: Any) -> Any:
    """The value of rank 0, for decisions that must agree: clocks and files of the processes may differ."""
    if not distributed.is_initialized():
        return value
    box = [value]
    distributed.broadcast_object_list(box, 0)
    return box[0]
