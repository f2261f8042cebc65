"""Waste against the fault ratio: rows for a table, a file or a picture."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from roundelay.console import progress
from roundelay.errors import BadInput
from roundelay.fabric.waste.closed_form import check_probability
from roundelay.fabric.waste.study import Study
from roundelay.fabric.waste.waste import NO_EVENTS
from roundelay.files import replacing, write_text

SUFFIXES = (".json", ".csv", ".svg", ".png")
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


def check_suffix(out: Path) -> None:
    """Raise `BadInput` unless the file's ending says what to write."""
    if out.suffix not in SUFFIXES:
        raise BadInput("--out", out, f"end it in {', '.join(SUFFIXES)}")


def sweep(study: Study, ratios: list[float], *, show: bool | None = None) -> list[dict[str, Any]]:
    """Return a row per ratio and architecture, with key `fault_ratio` first."""
    rows: list[dict[str, Any]] = []
    for ratio in progress(ratios, "sweeping", len(ratios), show=show):
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


def write(out: Path, rows: list[dict[str, Any]], study: Study, *, force: bool = False) -> None:
    """Write the rows in the form that the file's ending names."""
    if out.suffix == ".json":
        write_text(out, json.dumps({"rows": rows}, indent=1) + "\n", force=force)
    elif out.suffix == ".csv":
        keys = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, keys)
        writer.writeheader()
        writer.writerows(rows)
        write_text(out, text.getvalue(), force=force)
    else:
        from roundelay.fabric.pages import pictures

        with replacing(out, force=force) as temporary:
            pictures.save(
                pictures.against_ratio(rows, curves(study, [row["fault_ratio"] for row in rows]), study.tp), temporary
            )
