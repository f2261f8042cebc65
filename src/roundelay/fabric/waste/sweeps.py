"""Waste against the fault ratio: rows for a table, a file or a picture."""

from __future__ import annotations

from typing import Any

from roundelay.console import progress
from roundelay.errors import BadInput
from roundelay.fabric.waste.closed_form import check_probability
from roundelay.fabric.waste.study import Study
from roundelay.fabric.waste.waste import NO_EVENTS

MAX_RATIOS = 1000


def parse_ratios(text: str) -> list[float]:
    """Return the fault ratios of "from:to:step" (ends included) or "a,b,c"."""
    try:
        if ":" in text:
            low, high, step = (float(part) for part in text.split(":"))
            if not (step > 0 and high >= low and (high - low) / step < MAX_RATIOS):
                raise ValueError
            ratios = [round(low + i * step, 12) for i in range(int((high - low) / step + 1e-9) + 1)]
        else:
            ratios = [float(part) for part in text.split(",")]
    except (ValueError, OverflowError):
        raise BadInput("--ratios", text, f"give from:to:step or a,b,c, at most {MAX_RATIOS}") from None
    for ratio in ratios:
        check_probability(ratio, "--ratios")
    return ratios


def sweep(study: Study, ratios: list[float], *, show_progress: bool | None = None) -> list[dict[str, Any]]:
    """Return a row per ratio and architecture, with key `fault_ratio` first."""
    rows: list[dict[str, Any]] = []
    for ratio in progress(ratios, "sweeping", len(ratios), show_progress=show_progress):
        rows += [{"fault_ratio": ratio, **row.as_dict()} for row in study.with_(fault_ratio=ratio, trace=None).rows()]
    return rows


def curves(study: Study, ratios: list[float], points: int = 61) -> dict[str, tuple[list[float], list[float]]]:
    """Return each architecture's closed form as (fault ratios, waste), evenly over the span of `ratios`.

    Waste with spares counted apart has no closed form, and no curve.
    """
    low, high = min(ratios), max(ratios)
    x = [low + (high - low) * i / (points - 1) for i in range(points)]
    archs, _ = study.architectures()
    return {
        arch.name: (x, [1 - p - arch.expected_usable(p) / study.gpus for p in x])
        for arch in archs
        if arch.spared(*NO_EVENTS) is None
    }
