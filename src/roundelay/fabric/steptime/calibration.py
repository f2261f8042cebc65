"""How a GPU's constants were set: least squares by coordinate descent on the published rows marked for it (ours).

The A100's matrix, memory and overlap ratios are set on single-layer times, its network ratio on one run; the H100's
matrix and network ratios on two runs. What sharded data parallelism adds is set on the rows of MPT 1b and 7b; FP8 on
those of 1b. What it finds stands in `specs/hardware-*.toml` and `specs/software.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from roundelay.fabric.job.hardware import Hardware, hardware, with_settings
from roundelay.fabric.steptime.published import PublishedRow, PublishedRuns
from roundelay.fabric.steptime.published_fsdp import FsdpRuns, titan_h100

Values = Mapping[str, float]
Timed = Callable[[Hardware], list[PublishedRow]]
STEPS = (0.05, 0.01)


@dataclass(frozen=True, slots=True)
class Fit:
    """A GPU with the fitted ratios, and the root mean square of the relative errors that are left."""

    gpu: Hardware
    ratios: dict[str, float]
    rms_error: float


def descend(start: Values, loss: Callable[[Values], float], most: float = 1.0) -> tuple[dict[str, float], float]:
    """Return the values of least loss on a grid of hundredths, moved one at a time, and that loss."""
    values = dict(start)
    best = loss(values)
    for step in STEPS:
        moved = True
        while moved:
            moved = False
            for name, sign in ((name, sign) for name in start for sign in (1, -1)):
                tried = {**values, name: round(values[name] + sign * step, 2)}
                if not 0.01 <= tried[name] <= most:
                    continue
                if (found := loss(tried)) < best - 1e-12:
                    values, best, moved = tried, found, True
    return values, best


def fit(gpu: Hardware, names: Sequence[str], timed: Timed) -> Fit:
    """Return the GPU with the named ratios at the least sum of squared relative errors, on a grid of hundredths."""

    def loss(values: Values) -> float:
        return sum(row.error**2 for row in timed(with_settings(gpu, dict(values))))

    values, best = descend({name: getattr(gpu, name) for name in names}, loss)
    found = with_settings(gpu, values)
    return Fit(found, values, (best / len(timed(found))) ** 0.5)


def fit_passes(gpu: Hardware, software: str, timed: Callable[[float], list[PublishedRow]]) -> Fit:
    """Return `passes_ratio` of a software at the least sum of squared relative errors."""
    values, best = descend(
        {"passes_ratio": 1.5}, lambda values: sum(row.error**2 for row in timed(values["passes_ratio"])), most=5.0
    )
    return Fit(
        gpu, {f"{software}: passes_ratio": values["passes_ratio"]}, (best / len(timed(values["passes_ratio"]))) ** 0.5
    )


def calibrate(runs: PublishedRuns) -> Iterator[Fit]:
    """Yield the fits in order: the A100's on-chip ratios, its network ratio, and the H100's with the A100's others."""
    start = replace(hardware("a100-80g"), matrix_ratio=0.75, memory_ratio=0.75, overlap_ratio=0.5, dcn_ratio=0.5)
    found = fit(start, ("matrix_ratio", "memory_ratio", "overlap_ratio"), runs.layers)
    yield found
    found = fit(found.gpu, ("dcn_ratio",), lambda gpu: runs.korthikanti(gpu, data_parallel=True))
    yield found
    start = replace(hardware("h100"), overlap_ratio=found.gpu.overlap_ratio, matrix_ratio=0.7, dcn_ratio=0.5)
    yield fit(start, ("matrix_ratio", "dcn_ratio"), lambda gpu: [row for row in runs.llama(gpu) if row.calibrates])


def calibrate_sharded(runs: FsdpRuns) -> Iterator[Fit]:
    """Yield the fits of sharded data parallelism, each with the others as they stand in `specs/`."""
    a100, h100 = hardware("a100-80g"), hardware("h100")
    yield fit(replace(a100, flash1_ratio=0.4), ("flash1_ratio",), lambda gpu: _mpt(runs, "a100_80g", gpu))
    yield fit_passes(a100, "fsdp-2023", lambda ratio: _mpt(runs, "a100_80g", a100, ratio))
    start = replace(h100, flash1_ratio=0.2, memory_ratio=0.6, jitter_ratio=0.03)
    yield fit(start, ("flash1_ratio", "memory_ratio", "jitter_ratio"), lambda gpu: _mpt(runs, "h100_bf16", gpu))
    yield fit(replace(h100, fp8_ratio=0.5), ("fp8_ratio",), lambda gpu: _mpt(runs, "h100_fp8", gpu))
    slow = replace(titan_h100(runs), matrix_ratio=0.6)
    found = fit(slow, ("matrix_ratio",), lambda gpu: runs.titan("h100", gpu, only="fsdp-2024-compiled"))
    yield found
    yield fit_passes(
        found.gpu, "fsdp-2024", lambda ratio: runs.titan("h100", found.gpu, only="fsdp-2024", passes_ratio=ratio)
    )


def _mpt(runs: FsdpRuns, name: str, gpu: Hardware, passes_ratio: float | None = None) -> list[PublishedRow]:
    return runs.mpt(name, gpu, only_calibrating=True, passes_ratio=passes_ratio)
