"""Whether a configuration can be at all: divides, lies in its domain, fits into memory; and what would make it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from roundelay.errors import BadInput
from roundelay.fabric.job.parallelism import Job, Parallelism
from roundelay.fabric.steptime.grid import Scenario


def check(scenario: Scenario, parallelism: Parallelism, job: Job) -> None:
    """Raise `BadInput` where heads, layers, batch, sequence or domain do not allow this cut."""
    for what, value, do in violations(scenario, parallelism, job):
        raise BadInput(what, value, do)


def violations(scenario: Scenario, p: Parallelism, job: Job) -> Iterator[tuple[str, object, str]]:
    """Yield (flag, value, what to do) of everything that does not divide or fit into its domain."""
    shape, model = scenario.model.shape, scenario.model
    for what, size in tensor_widths(scenario):
        if size % p.tp:
            yield "--tp", p.tp, f"does not divide the {size} {what}; give one of {_divisors(size)}"
    if shape.kv_groups % p.tp and p.tp % shape.kv_groups:
        yield "--tp", p.tp, f"does not fit {shape.kv_groups} key-value groups; give a divisor or a multiple"
    links = scenario.links
    if p.tp > links.hbd_gpus:
        domain = f"{links.hbd_gpus} GPUs of a domain of {links.name}"
        do = f"is more than the {domain}; give at most that, or another --fabric"
        yield "--tp", p.tp, do
    if links.ring and p.tp % links.gpus_per_node and links.gpus_per_node % p.tp:
        do = f"is not whole nodes of {links.gpus_per_node} GPUs on {links.name}; give a multiple or a divisor"
        yield "--tp", p.tp, do
    if not layers_divide(shape.layers, p.pp, job.interleave):
        yield (
            "--pp x --interleave",
            p.pp * job.interleave,
            (
                f"is more pieces than {shape.layers} layers, embedding and head make; "
                + (f"give --pp {shape.layers} or less" if p.pp > shape.layers else "give a smaller --interleave")
            ),
        )
    if job.global_batch % p.dp:
        yield "--dp", p.dp, f"does not divide the global batch of {job.global_batch}; give a divisor"
    elif job.global_batch // p.dp % job.micro_batch:
        yield "--micro-batch", job.micro_batch, f"does not divide the {job.global_batch // p.dp} sequences of a rank"
    elif job.interleave > 1 and job.global_batch // p.dp // job.micro_batch % p.pp:
        count = job.global_batch // p.dp // job.micro_batch
        yield "--interleave", job.interleave, f"needs micro-batches in multiples of --pp {p.pp}; there are {count}"
    if job.interleave > 1 and p.pp == 1:
        yield "--interleave", job.interleave, "needs a pipeline; give --pp above 1, or --interleave 1"
    if p.cp > 1 and job.seq % (2 * p.cp):
        yield "--cp", p.cp, f"cuts a sequence of {job.seq} unevenly; 2 x cp must divide it"
    if model.experts % p.ep:
        yield "--ep", p.ep, f"does not divide the {model.experts} experts; give one of {_divisors(model.experts)}"
    if job.sequence_parallel and job.seq // p.cp % p.tp:
        yield "--sequence-parallel", p.tp, f"cuts {job.seq // p.cp} tokens unevenly over --tp {p.tp}; leave it out"


def tensor_widths(scenario: Scenario) -> list[tuple[str, int]]:
    """Return what tensor parallelism cuts, and how wide it is."""
    model = scenario.model
    widths = [("attention heads", model.shape.heads), ("columns of the MLP", model.shape.ffn)]
    if model.moe_layers:
        widths.append(("columns of an expert", model.expert_width))
    return widths


def layers_divide(layers: int, pp: int, interleave: int) -> bool:
    """Whether layers, or layers with embedding and head as two more, make pp·interleave pieces; some may have one more.

    No piece is empty, and a stage is not cut further than evenly where that can be (`interleaves`).
    """
    pieces = pp * interleave
    return pieces <= layers or (pp > 1 and pieces == layers + 2)


def layers_even(layers: int, pp: int, interleave: int) -> bool:
    """Whether the pieces are equal, embedding and head counted as layers where need be."""
    pieces = pp * interleave
    return layers % pieces == 0 or (pp > 1 and (layers + 2) % pieces == 0)


def interleaves(layers: int, pp: int) -> list[int]:
    """Return the interleavings that a search tries: equal pieces; and whole stages, even where they are uneven."""
    if pp == 1 or pp > layers + 2:
        return [1] if pp == 1 else []
    even = [v for v in range(1, (layers + 2) // pp + 1) if layers_even(layers, pp, v)]
    return even if 1 in even or pp > layers else [1, *even]


def _divisors(value: int) -> str:
    found = [str(d) for d in divisors(value)]
    return ", ".join(found if len(found) <= 12 else [*found[:11], "…"])


def divisors(value: int) -> list[int]:
    """Return the divisors of a number, in order."""
    low = [d for d in range(1, math.isqrt(value) + 1) if value % d == 0]
    return low + [value // d for d in reversed(low) if d * d != value]
