"""How a GPU's constants were set: least squares by coordinate descent on the published rows marked for it (ours).

The A100's matrix, memory and overlap ratios are set on single-layer times, its network ratio on one run; the H100's
matrix and network ratios on two runs. What it finds stands in `specs/hardware-*.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from roundelay.fabric.job.hardware import Hardware, hardware
from roundelay.fabric.steptime.published import PublishedRow, PublishedRuns

Timed = Callable[[Hardware], list[PublishedRow]]
STEPS = (0.05, 0.01)


@dataclass(frozen=True, slots=True)
class Fit:
    """A GPU with the fitted ratios, and the root mean square of the relative errors that are left."""

    gpu: Hardware
    ratios: dict[str, float]
    rms_error: float


def fit(gpu: Hardware, names: Sequence[str], timed: Timed) -> Fit:
    """Return the GPU with the named ratios at the least sum of squared relative errors, on a grid of hundredths."""

    def loss(each: Hardware) -> float:
        return sum(row.error**2 for row in timed(each))

    best = loss(gpu)
    for step in STEPS:
        moved = True
        while moved:
            moved = False
            for name, sign in ((name, sign) for name in names for sign in (1, -1)):
                value = round(getattr(gpu, name) + sign * step, 2)
                if not 0.01 <= value <= 1:
                    continue
                tried = replace(gpu, **{name: value})
                if (found := loss(tried)) < best - 1e-12:
                    gpu, best, moved = tried, found, True
    return Fit(gpu, {name: getattr(gpu, name) for name in names}, (best / len(timed(gpu))) ** 0.5)


def calibrate(runs: PublishedRuns) -> Iterator[Fit]:
    """Yield the fits in order: the A100's on-chip ratios, its network ratio, and the H100's with the A100's others."""
    start = replace(hardware("a100-80g"), matrix_ratio=0.75, memory_ratio=0.75, overlap_ratio=0.5, dcn_ratio=0.5)
    found = fit(start, ("matrix_ratio", "memory_ratio", "overlap_ratio"), runs.layers)
    yield found
    found = fit(found.gpu, ("dcn_ratio",), lambda gpu: runs.korthikanti(gpu, data_parallel=True))
    yield found
    a100 = found.gpu
    start = replace(hardware("h100"), memory_ratio=a100.memory_ratio, overlap_ratio=a100.overlap_ratio)
    start = replace(start, matrix_ratio=0.7, dcn_ratio=0.5)
    yield fit(start, ("matrix_ratio", "dcn_ratio"), lambda gpu: [row for row in runs.llama(gpu) if row.calibrates])
