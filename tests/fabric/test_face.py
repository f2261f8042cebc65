"""The fabric's three public functions: the same answers as the verbs, printed by the answer itself."""

from __future__ import annotations

import pytest

from roundelay.errors import BadInput
from roundelay.fabric.face import place, step_time, waste
from roundelay.fabric.waste.study import Study


def test_waste_is_the_study_of_the_same_settings() -> None:
    table = waste("infinitepod-k2,nvl-72", gpus=720, fault_ratio=0.05, seeds=2)
    assert list(table.rows) == Study(gpus=720, arch="infinitepod-k2,nvl-72", fault_ratio=0.05, seeds=2).rows()
    assert table["nvl-72"].arch == "nvl-72"
    assert "infinitepod-k2" in str(table) and "720 GPUs" in str(table)
    with pytest.raises(BadInput, match="did you mean nvl-72"):
        table["nvl-7"]


def test_step_time_fills_data_parallelism_and_chooses_the_rest() -> None:
    step = step_time("step-audio-130b", gpus=512, tp=8, pp=4, fabric="infinitepod-k3", global_batch=512)
    assert step.parallelism.dp == 16 and step.fits
    assert sum(step.parts.values()) == pytest.approx(step.step_s)
    assert str(step).splitlines()[1].split()[1:3] == ["a", "training"] and "MFU" in str(step)


def test_place_adds_jobs_to_a_placement_that_prints_its_scores() -> None:
    first = place(256, nodes=128, faults=[5], nodes_per_tor=4)
    both = place(64, into=first, name="second")
    assert [job.name for job in both.jobs] == ["job", "second"] and both.down == (5,)
    assert not {5} & {node for job in both.jobs for node in job.nodes}
    assert "second" in str(both) and "1 down" in str(both)


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: waste(fault_ration=0.1), "did you mean fault_ratio"),
        (lambda: step_time(gpus=64, zeero=1), "did you mean zero"),
        (lambda: step_time(gpus=64, tp=7), "--tp 7: does not divide the 64"),
        (lambda: place(64, nodes=32, nodes_per_tors=4), "did you mean nodes_per_tor"),
        (lambda: place(64), "give the number of nodes"),
        (lambda: place(64, nodes=32, faults=[99]), "the fabric has nodes 0 to 31"),
        (lambda: place(4096, nodes=32), "fit"),
    ],
)
def test_bad_arguments_are_one_line(call, hint: str) -> None:
    with pytest.raises(BadInput, match=hint):
        call()
