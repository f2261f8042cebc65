"""Many configurations at once: columns of numbers, one entry a configuration, so that one formula times them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from roundelay.fabric.job.hardware import Hardware, Links, Software
from roundelay.fabric.job.parallelism import RECOMPUTE, Job, Parallelism
from roundelay.fabric.job.workload import ModelSpec


@dataclass(frozen=True, slots=True)
class Scenario:
    """What all configurations of a grid share: the model, the machine, and the batch of one step."""

    model: ModelSpec
    hardware: Hardware
    links: Links
    software: Software
    seq: int
    global_batch: int

    @property
    def memory_bytes_per_s(self) -> float:
        """Memory bandwidth that kernels reach."""
        return self.hardware.memory_gb_per_s * 1e9 * self.hardware.memory_ratio

    @property
    def hbd_bytes_per_s(self) -> float:
        """One direction of a GPU's links inside its high-bandwidth domain, as collectives reach it."""
        return (self.links.hbd_gbps or self.hardware.hbd_gbps) / 8 * 1e9 * self.hardware.hbd_ratio

    @property
    def dcn_bytes_per_s(self) -> float:
        """One direction of a GPU's share of the datacenter network, as collectives reach it."""
        return (self.links.dcn_gbps or self.hardware.dcn_gbps) / 8 * 1e9 * self.hardware.dcn_ratio


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns float64 [N]: N configurations. `recompute` counts 0, 1, 2 as in `RECOMPUTE`, the flag is 0 or 1."""

    tp: np.ndarray
    pp: np.ndarray
    dp: np.ndarray
    cp: np.ndarray
    ep: np.ndarray
    micro_batch: np.ndarray
    interleave: np.ndarray
    recompute: np.ndarray
    sequence_parallel: np.ndarray
    zero: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]] | np.ndarray) -> Grid:
        """The grid whose rows [N, 10] are in the order of the columns."""
        table = np.asarray(rows, dtype=np.float64).reshape(-1, len(fields(cls)))
        return cls(*table.T.copy())

    @classmethod
    def single(cls, parallelism: Parallelism, job: Job) -> Grid:
        """The grid of one configuration."""
        p = parallelism
        row = [p.tp, p.pp, p.dp, p.cp, p.ep, job.micro_batch, job.interleave]
        return cls.of([[*row, RECOMPUTE.index(job.recompute), job.sequence_parallel, job.zero]])

    def __len__(self) -> int:
        return len(self.tp)

    @property
    def gpus(self) -> np.ndarray:
        """GPUs of each configuration."""
        return self.tp * self.pp * self.dp * self.cp

    def take(self, index: np.ndarray) -> Grid:
        """The configurations of these indices (or of a mask)."""
        return Grid(*(getattr(self, field.name)[index] for field in fields(self)))

    def row(self, index: int, seq: int, global_batch: int) -> tuple[Parallelism, Job]:
        """One configuration as its nouns."""
        tp, pp, dp, cp, ep, micro, interleave, recompute, flag, zero = (
            int(getattr(self, field.name)[index]) for field in fields(self)
        )
        job = Job(seq, global_batch, micro, interleave, RECOMPUTE[recompute], bool(flag), zero)
        return Parallelism(tp, pp, dp, cp, ep), job
