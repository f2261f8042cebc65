"""A step time asked for with some axes left open: the open ones are chosen for the shortest step that fits."""

from __future__ import annotations

from collections.abc import Mapping

from roundelay.errors import BadInput
from roundelay.fabric.job.parallelism import RECOMPUTE, Job, Parallelism
from roundelay.fabric.steptime import divisibility, remedies
from roundelay.fabric.steptime.grid import Scenario
from roundelay.fabric.steptime.search import search_scenario
from roundelay.fabric.steptime.steptime import StepTime, step_time

INNER = {"micro_batch", "interleave", "recompute", "sequence_parallel", "zero"}


def checked_axes(given: Mapping[str, int | str | bool | None]) -> dict[str, int]:
    """Return the axes that were given (not None), `recompute` by its name, in the form `search` takes.

    Raises `BadInput` for a value outside its range.
    """
    axes: dict[str, int] = {}
    for name, value in given.items():
        if value is None or name in ("recompute", "sequence_parallel"):
            continue
        if not isinstance(value, int) or value < (0 if name == "zero" else 1) or (name == "zero" and value > 3):
            raise BadInput(f"--{name.replace('_', '-')}", value, "give 0 to 3" if name == "zero" else "give at least 1")
        axes[name] = value
    recompute, flag = given.get("recompute"), given.get("sequence_parallel")
    axes.update(remedies.recompute_index(None if recompute is None else str(recompute)))
    if flag is not None:
        axes["sequence_parallel"] = int(flag)
    elif "recompute" in axes:  # a command line that says what is kept says all of it: a flag left out is off
        axes["sequence_parallel"] = 0
    return axes


def cut_of(gpus: int, axes: Mapping[str, int]) -> Parallelism:
    """Return the parallelism of the axes, data parallelism filling up.

    Raises `BadInput` where the product of the axes is not the number of GPUs.
    """
    tp, pp, cp = (axes.get(name, 1) for name in ("tp", "pp", "cp"))
    each = tp * pp * cp
    given = [name for name in ("tp", "pp", "cp", "dp") if name in axes]
    flags = " x ".join(f"--{name}" for name in given)
    if gpus % each:
        near = [n for n in (gpus // each * each, -(-gpus // each) * each) if n]
        product = each if len(given) == 1 else f"= {each}"
        do = f"does not divide the {gpus} of --gpus; give --gpus {' or '.join(map(str, near))}"
        raise BadInput(" x ".join(f"--{name}" for name in given if name != "dp"), product, do)
    if axes.get("dp", gpus // each) != gpus // each:
        do = f"is not the {gpus} of --gpus; give --dp {gpus // each} or leave it out"
        raise BadInput(flags, each * axes["dp"], do)
    return Parallelism(tp, pp, gpus // each, cp, axes.get("ep", 1))


def fastest(scenario: Scenario, gpus: int, axes: Mapping[str, int]) -> StepTime:
    """Return the shortest step that fits on these GPUs with these axes; `dp` fills up, other outer axes default to 1.

    Raises `BadInput` where the cut does not divide, or where nothing fits into memory, with what would fit.
    """
    cut = cut_of(gpus, axes)
    fixed = {**axes, "tp": cut.tp, "pp": cut.pp, "dp": cut.dp, "cp": cut.cp, "ep": cut.ep}
    job = Job(
        scenario.seq,
        scenario.global_batch,
        fixed.get("micro_batch", 1),
        fixed.get("interleave", 1),
        RECOMPUTE[fixed.get("recompute", 0)],
        bool(fixed.get("sequence_parallel", 0)),
        fixed.get("zero", 0),
    )
    if set(fixed) >= INNER:
        step = step_time(scenario.model, cut, job, scenario.hardware, scenario.links, scenario.software)
    else:
        _check(scenario, cut, job, axes)
        step = _searched(scenario, gpus, fixed, axes)
    remedies.require(scenario, step)
    return step


def _searched(scenario: Scenario, gpus: int, fixed: Mapping[str, int], axes: Mapping[str, int]) -> StepTime:
    """Return the shortest step with the axes fixed; where none fits, raise `BadInput` with the cut that does, if any
    keeps to what was given.
    """
    try:
        return search_scenario(scenario, gpus, fixed).best[0]
    except BadInput as error:
        try:
            other = search_scenario(scenario, gpus, axes).best[0]
        except BadInput:
            raise error from None
        p = other.parallelism
        flags = [f"--{name} {getattr(p, name)}" for name in ("tp", "pp", "cp", "ep") if getattr(p, name) > 1]
        do = f"{error.do.split('; give more')[0]}; it fits with {' '.join(flags)}"
        raise BadInput(error.what, error.value, do) from None


def _check(scenario: Scenario, cut: Parallelism, job: Job, fixed: Mapping[str, int]) -> None:
    """Raise `BadInput` for what does not divide, whatever is chosen for the axes left open; names only flags given."""
    for what, value, do in divisibility.violations(scenario, cut, job):
        if what == "--dp" and "dp" not in fixed:
            do = f"leaves {value} ranks of data parallelism, which {do.replace('does not', 'do not', 1).split(';')[0]}"
            raise BadInput("--gpus", cut.gpus, f"{do}; give --tp, --pp or --cp, or another --global-batch")
        open_axis = "interleave" in what and "interleave" not in fixed
        if not (open_axis and divisibility.interleaves(scenario.model.shape.layers, cut.pp)):
            raise BadInput(what, value, do)
