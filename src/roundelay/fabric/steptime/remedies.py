"""What would make a configuration fit that does not: the fastest cut near it that does, in one sentence."""

from __future__ import annotations

from roundelay.errors import BadInput
from roundelay.fabric.job.parallelism import RECOMPUTE
from roundelay.fabric.steptime.grid import Scenario
from roundelay.fabric.steptime.search import search_scenario
from roundelay.fabric.steptime.steptime import StepTime

AXES = ("tp", "pp", "dp", "cp", "ep")


def require(scenario: Scenario, step: StepTime) -> None:
    """Raise `BadInput` where the step does not fit into memory: by how much, what fills it, and what would make it
    fit.
    """
    if step.fits:
        return
    over = step.memory_total_gb - step.memory_limit_gb
    largest = sorted(step.memory_gb.items(), key=lambda pair: -pair[1])[:2]
    filled = " and ".join(f"{kind} {size:.0f}" for kind, size in largest)
    raise BadInput(
        "memory",
        f"{step.memory_total_gb:.1f} GB",
        f"is {over:.1f} GB over the {step.memory_limit_gb:g} GB of a GPU ({filled}); {remedy(scenario, step)}",
    )


def remedy(scenario: Scenario, step: StepTime) -> str:
    """Return the least change that fits: of what is kept, then of the cut, then of the machine."""
    p, job = step.parallelism, step.job
    same = {name: getattr(p, name) for name in AXES}
    for fixed in ({**same, "micro_batch": job.micro_batch, "interleave": job.interleave}, same, {}):
        try:
            best = search_scenario(scenario, p.gpus, fixed).best[0]
        except BadInput:
            continue
        return f"it fits with {flags_changed(step, best)}"
    return "nothing on as many GPUs fits; give more GPUs or a GPU with more memory"


def flags_changed(step: StepTime, other: StepTime) -> str:
    """Return the flags in which the other configuration differs."""
    p, q, a, b = step.parallelism, other.parallelism, step.job, other.job
    flags = [f"--{name} {getattr(q, name)}" for name in AXES if getattr(p, name) != getattr(q, name)]
    names = [n for n in ("micro_batch", "interleave", "recompute", "zero") if getattr(a, n) != getattr(b, n)]
    flags += [f"--{name.replace('_', '-')} {getattr(b, name)}" for name in names]
    if a.sequence_parallel != b.sequence_parallel:
        flags.append("--sequence-parallel" if b.sequence_parallel else "--no-sequence-parallel")
    return " ".join(flags) or "the same flags"


def recompute_index(name: str | None) -> dict[str, int]:
    """Return the recomputation as the search's axis; nothing if it was not given."""
    if name is None:
        return {}
    if name not in RECOMPUTE:
        raise BadInput("--recompute", name, f"choose from {', '.join(RECOMPUTE)}")
    return {"recompute": RECOMPUTE.index(name)}
