"""Step times against published measurements: every row within its tolerance, the rows not calibrated on included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from roundelay.fabric.job.hardware import hardware
from roundelay.fabric.steptime import calibration
from roundelay.fabric.steptime.published import PublishedRow, PublishedRuns

runs = PublishedRuns.read(Path(__file__).parents[3] / "results" / "steptime" / "published.toml")
TABLES = runs.all()
ROWS = [row for rows in TABLES.values() for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.table}: {row.name}")
def test_a_published_row_is_met(row: PublishedRow) -> None:
    assert row.held, f"{row.name}: theirs {row.theirs} {row.unit}, ours {row.ours:.4g} ({row.error:+.1%})"


def test_korthikanti_table_5_on_average() -> None:
    errors = [abs(row.error) for row in runs.korthikanti()]
    assert len(errors) == 8 and sum(errors) / 8 <= 0.035 and max(errors) <= 0.085


def test_no_row_of_table_5_was_calibrated_on() -> None:
    assert not any(row.calibrates for row in runs.korthikanti() + runs.megatron() + runs.megascale())


def test_the_tolerances_can_fail() -> None:
    slower = replace(hardware("a100-80g"), matrix_ratio=0.6)
    assert not any(row.held for row in runs.korthikanti(slower))


@pytest.mark.parametrize(
    ("row", "mfu"),
    list(zip(runs.korthikanti()[1::2], (0.415, 0.514, 0.560, 0.563), strict=True)),
    ids=lambda each: str(each)[:20],
)
def test_model_flops_are_those_of_the_paper(row: PublishedRow, mfu: float) -> None:
    """At their seconds, our FLOPs give their MFU: the definition is the same."""
    assert row.step is not None
    assert row.step.mfu * row.ours / row.theirs == pytest.approx(mfu, abs=0.004)


def test_llama_fits_the_gpus_it_ran_on() -> None:
    assert all(row.step is not None and row.step.fits for row in runs.llama())


def test_a_fit_finds_the_ratio_that_made_the_times() -> None:
    true, start = (replace(hardware("a100-80g"), matrix_ratio=ratio) for ratio in (0.62, 0.75))
    made = runs.korthikanti(true)[:2]

    def timed(gpu):
        again = runs.korthikanti(gpu)[:2]
        return [replace(row, theirs=target.ours) for row, target in zip(again, made, strict=True)]

    found = calibration.fit(start, ("matrix_ratio",), timed)
    assert found.ratios == {"matrix_ratio": 0.62} and found.rms_error == 0
