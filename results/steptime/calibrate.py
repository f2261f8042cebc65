"""How the constants were set: python results/steptime/calibrate.py

Least squares by coordinate descent on a grid of hundredths, on the rows that `published.toml` marks, and on no other:
the A100's matrix, memory and overlap ratios on single-layer times, its network ratio on one run; the H100's matrix and
network ratios on two runs. Prints what stands in `src/roundelay/fabric/specs/hardware-*.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import published_runs as runs

from roundelay.fabric.job.hardware import Hardware, hardware


def fit(gpu: Hardware, names: Sequence[str], rows: Callable[[Hardware], list[runs.Row]]) -> Hardware:
    """Return the GPU with the named ratios at the least sum of squared relative errors over the rows."""

    def loss(each: Hardware) -> float:
        return sum(row.error**2 for row in rows(each))

    best = loss(gpu)
    for step in (0.05, 0.01):
        moved = True
        while moved:
            moved = False
            for name in names:
                for sign in (1, -1):
                    value = round(getattr(gpu, name) + sign * step, 2)
                    if not 0.01 <= value <= 1:
                        continue
                    tried = replace(gpu, **{name: value})
                    if loss(tried) < best - 1e-12:
                        gpu, best, moved = tried, loss(tried), True
    print(
        ", ".join(f"{name} = {getattr(gpu, name):.2f}" for name in names), f"rms {(best / len(rows(gpu))) ** 0.5:.2%}"
    )
    return gpu


def main() -> None:
    a100 = replace(hardware("a100-80g"), matrix_ratio=0.75, memory_ratio=0.75, overlap_ratio=0.5, dcn_ratio=0.5)
    a100 = fit(a100, ("matrix_ratio", "memory_ratio", "overlap_ratio"), runs.layer_rows)
    a100 = fit(a100, ("dcn_ratio",), lambda gpu: runs.korthikanti(gpu, data_parallel=True))
    h100 = replace(hardware("h100"), memory_ratio=a100.memory_ratio, overlap_ratio=a100.overlap_ratio)
    h100 = replace(h100, matrix_ratio=0.7, dcn_ratio=0.5)
    fit(h100, ("matrix_ratio", "dcn_ratio"), lambda gpu: [row for row in runs.llama(gpu) if row.calibrates])


if __name__ == "__main__":
    main()
