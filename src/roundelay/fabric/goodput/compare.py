"""Which fabric for this model, at these faults, for this money: one offer per architecture, all for one job (ours).

The buyer wants a job of so many GPUs to run. For each architecture: the fastest parallelism (`fabric.search`), the GPUs
to install so that the job seldom waits (an exact replay of the fault history), what becomes of them (`fabric.goodput`),
and what a trillion trained tokens cost: GPUs, interconnect and electricity over the years of use. All architectures see
the same histories. Left out, being the same for all or not known: servers, buildings, the datacenter network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, lcm
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.cost import bills
from roundelay.fabric.cost.bills import Bill, Item, Part
from roundelay.fabric.faults import trace as traces
from roundelay.fabric.faults.trace import GPUS_PER_SERVER, Events, Trace
from roundelay.fabric.goodput import goodput
from roundelay.fabric.goodput.goodput import CheckpointedJob
from roundelay.fabric.job import hardware
from roundelay.fabric.job import workload as models
from roundelay.fabric.job.hardware import Links
from roundelay.fabric.job.parallelism import Job
from roundelay.fabric.specs import architectures
from roundelay.fabric.specs.architectures import Architecture
from roundelay.fabric.steptime.search import search
from roundelay.fabric.steptime.steptime import StepTime
from roundelay.fabric.topology.topology import Fabric
from roundelay.fabric.waste import usable
from roundelay.fabric.waste.study import Study
from roundelay.fabric.waste.usable import UsableGpus

DEFAULT = "infinitepod-k2,infinitepod-k3,nvl-72,nvl-576,tpuv4,dgx"
UNPRICED = ("dgx",)  # compared though the paper has no bill of it; a user's --prices may give one
ROOM = 2.5  # installed GPUs over the job's: more than that is no offer
TRILLION = 1e12
YEAR_S = bills.HOURS_PER_YEAR * 3600


@dataclass(frozen=True)
class CompareStudy:
    """Settings of `roundelay fabric compare`; every field can stand in --config or --set.

    model, gpus, seq, global_batch, hardware   the job: what it trains, on how many GPUs at once, and which
    arch, prices                               architectures, comma-separated; a user's prices
    wait_share                                 the share of time in which the job may lack GPUs
    years                                      of use, over which GPUs and interconnect are written off
    seeds, seed, trace, servers, fault_model, days   the history, as in `Study`; `faults` is its `model`
    """

    model: str = "llama3-405b"
    gpus: int = 2048
    seq: int = 8192
    global_batch: int = 2048
    hardware: str = "h100"
    arch: str = DEFAULT
    prices: str | None = None
    wait_share: float = 0.01
    years: float = 4.0
    seeds: int = 5
    seed: int = 0
    trace: str | None = None
    servers: int | None = None
    faults: str = "fitted"
    fault_model: str | None = None
    days: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.wait_share < 1:
            raise BadInput("--wait-share", self.wait_share, "give a share of the time from 0 up to, not including, 1")
        if not (isfinite(self.years) and 0 < self.years <= 100):
            raise BadInput("--years", self.years, "give more than 0 and at most 100")
        if not 1 <= self.gpus <= 1_000_000:
            raise BadInput("--gpus", self.gpus, "give 1 to 1,000,000")
        Job(self.seq, self.global_batch)
        self.study.generator_model()

    def check(self) -> None:
        """Raise `BadInput` for what is wrong whatever the architecture: the model, the GPU, the history."""
        models.read(self.model)
        hardware.hardware(self.hardware)
        covered = min(history.servers * history.gpus_per_server for history in self.histories)
        if covered < self.gpus:
            do = f"the history covers {covered:,} GPUs; give fewer, or leave --trace out for the built-in generator"
            raise BadInput("--gpus", self.gpus, do)

    @cached_property
    def study(self) -> Study:
        """The history's settings."""
        return Study(
            seeds=self.seeds,
            seed=self.seed,
            trace=self.trace,
            servers=self.servers,
            model=self.faults,
            fault_model=self.fault_model,
            days=self.days,
        )

    @cached_property
    def catalogue(self) -> bills.Catalogue:
        return bills.read(self.prices)

    def bills(self) -> list[Bill]:
        """Return the chosen bills; one without a price has no parts."""
        known = {name: Bill(name, 1, 1.0, (), architectures.table()[name], "not priced") for name in UNPRICED}
        known |= self.catalogue.bills
        catalogue = bills.Catalogue(self.catalogue.items, known, self.catalogue.electricity_usd_per_kwh, 1.0)
        chosen = catalogue.choose(self.arch)
        for bill in chosen:
            if bill.architecture is None:
                raise BadInput("--arch", bill.arch, "has no waste_rule; give it one in the prices file")
        return chosen

    @cached_property
    def histories(self) -> list[Trace]:
        """One history a seed, of servers enough for every offer."""
        seeds = range(self.seed, self.seed + self.seeds)
        if self.trace:
            trace = traces.read(self.trace, self.servers)
            return [trace for _ in seeds]
        servers = -(-int(ROOM * self.gpus) // GPUS_PER_SERVER) + 72
        return [self.study.generate(seed, servers) for seed in seeds]


@dataclass(frozen=True, slots=True)
class Offer:
    """What one architecture offers; money is of all installed GPUs, `bill` of a trillion tokens.

    `group_gpus` have to lie in one domain (or on one ring); `note` says why there is no offer, or what it leaves out.
    """

    arch: str
    step: StepTime | None = None
    group_gpus: int = 0
    installed_gpus: int = 0
    row: goodput.GoodputRow | None = None
    wait_share: float = 0.0
    capex_usd: float = 0.0
    interconnect_usd: float = 0.0
    kw: float = 0.0
    energy_usd_per_year: float = 0.0
    tokens_per_year: float = 0.0
    bill: Bill | None = None
    note: str | None = None

    @property
    def priced(self) -> bool:
        """Whether there is an offer and its money is all of it."""
        return self.bill is not None and self.note is None

    def ties(self, other: Offer) -> bool:
        """Whether the money of the two differs by no more than the step times may be off by."""
        if not (self.step and other.step):
            return False
        error = max(self.step.accuracy.ratio, other.step.accuracy.ratio)
        low, high = sorted((self.usd_per_trillion_tokens, other.usd_per_trillion_tokens))
        return high <= low * (1 + error)

    @property
    def usd_per_trillion_tokens(self) -> float:
        """Everything bought and burnt over the years, for a trillion trained tokens; infinite without an offer."""
        return self.bill.usd_per_gpu if self.bill else inf

    def as_dict(self) -> dict[str, Any]:
        """Return the offer as it stands in JSON."""
        out: dict[str, Any] = {"arch": self.arch}
        if self.step and self.row:
            p, job = self.step.parallelism, self.step.job
            out |= {
                "tp": p.tp,
                "pp": p.pp,
                "dp": p.dp,
                "cp": p.cp,
                "ep": p.ep,
                "micro_batch": job.micro_batch,
                "interleave": job.interleave,
                "recompute": job.recompute,
                "zero": job.zero,
                "group_gpus": self.group_gpus,
                "mfu": self.step.mfu,
                "step_s": self.step.step_s,
                "error_ratio": self.step.accuracy.ratio,
                "error_class": self.step.accuracy.kind,
                "error_checked": self.step.accuracy.checked,
                "parts": self.step.parts,
                "installed_gpus": self.installed_gpus,
                "wait_share": self.wait_share,
                "goodput": self.row.goodput,
                "terms": self.row.terms,
                "capex_usd": self.capex_usd,
                "interconnect_usd": self.interconnect_usd,
                "kw": self.kw,
                "energy_usd_per_year": self.energy_usd_per_year,
                "tokens_per_year": self.tokens_per_year,
                "usd_per_trillion_tokens": self.usd_per_trillion_tokens,
            }
        return out if self.note is None else {**out, "note": self.note}


def group_size(step: StepTime, links: Links) -> int:
    """Return how many GPUs the step needs side by side: what its collectives count as inside one domain.

    A ring carries tensor parallelism, and experts where their exchange stays on it; a switch whatever fits, tensor
    parallelism innermost, then context, data, pipeline.
    """
    p = step.parallelism
    if links.ring:
        return p.tp
    size = p.tp * min(p.ep, max(links.hbd_gpus // p.tp, 1))
    inside = p.tp
    for axis in (p.cp, p.dp, p.pp):
        inside *= axis
        if inside > links.hbd_gpus:
            break
        size = max(size, inside)
    return size


def node_gpus(bill: Bill) -> int:
    """Return the GPUs that one fault takes: those of the bill's node, or of the architecture's."""
    return bill.node_gpus or (bill.architecture.node_gpus if bill.architecture else 4)


def offers(study: CompareStudy, progress: Any = iter) -> list[Offer]:
    """Return an offer per architecture, the cheapest trillion tokens first, unpriced ones and none at all last.

    `progress` may wrap the list of bills for a progress bar.
    """
    study.check()
    made = [offer(study, bill) for bill in progress(study.bills())]
    return sorted(made, key=lambda each: (not each.priced, each.usd_per_trillion_tokens, each.arch))


def tied(offers: Sequence[Offer]) -> set[str]:
    """Return the priced offers that cannot be told from the cheapest, it among them; nothing where it stands alone."""
    priced = [each for each in offers if each.priced]
    names = {each.arch for each in priced if each.ties(priced[0])}
    return names if len(names) > 1 else set()


def offer(study: CompareStudy, bill: Bill) -> Offer:
    """Return one architecture's offer; where it has none, the note says why."""
    node, architecture = node_gpus(bill), bill.architecture
    assert architecture
    links = architecture.links
    try:
        found = search(
            study.model,
            study.gpus,
            links,
            seq=study.seq,
            global_batch=study.global_batch,
            hardware=study.hardware,
        )
        step = found.best[0]
        group = lcm(group_size(step, links), node)
        installed, waits = install(study, architecture, node, group)
    except (NoOffer, BadInput) as none:
        return Offer(bill.arch, note=str(none))
    rows = goodput.over_history(
        [_rule(architecture, installed, node, group)],
        [_events(study, i, installed, node) for i in range(study.seeds)],
        _job(study, step),
        group,
        study.seed,
    )
    return price_offer(study, bill, Offer(bill.arch, step, group, installed, rows[0], waits))


class NoOffer(Exception):
    """An architecture cannot run the job; the message says why."""


def install(study: CompareStudy, architecture: Architecture, node: int, group: int) -> tuple[int, float]:
    """Return the fewest GPUs, in whole domains, on which the job lacks GPUs for at most `wait_share` of the time.

    SearchResult by bisection: with one domain less it waits longer, or is larger than the fabric. Raises `NoOffer`.
    """
    unit = architecture.domain_gpus(node, group)
    most = int(min(ROOM * study.gpus, min(t.servers * t.gpus_per_server for t in study.histories))) // unit
    low = -(-study.gpus // unit)
    if most < low or waiting(study, architecture, most * unit, node, group) > study.wait_share:
        limit = "the most its history covers" if study.trace else f"{ROOM:g} times the job's"
        raise NoOffer(f"even {max(most, 0) * unit:,} GPUs, {limit}, keep the job waiting too long")
    high = most
    while low < high:
        middle = (low + high) // 2
        if waiting(study, architecture, middle * unit, node, group) <= study.wait_share:
            high = middle
        else:
            low = middle + 1
    return low * unit, waiting(study, architecture, low * unit, node, group)


def waiting(study: CompareStudy, architecture: Architecture, gpus: int, node: int, group: int) -> float:
    """Return the share of time in which fewer GPUs than the job's are usable, the mean over the histories."""
    rule = _rule(architecture, gpus, node, group)
    shares = []
    for i in range(study.seeds):
        events = _events(study, i, gpus, node)
        short = rule.usable(events.node, events.delta) < study.gpus
        shares.append(float(short @ events.durations()) / events.horizon_days)
    return float(np.mean(shares))


def _rule(architecture: Architecture, gpus: int, node: int, group: int) -> UsableGpus:
    fabric = Fabric(gpus // node, node)
    fabric.nodes_per_group(group)
    return usable.of(architecture, fabric, group)


def _events(study: CompareStudy, index: int, gpus: int, node: int) -> Events:
    return traces.on_fabric(study.histories[index], Fabric(gpus // node, node), study.seed + index)


def _job(study: CompareStudy, step: StepTime) -> CheckpointedJob:
    """Return the job as `fabric goodput` has it by default, with this step's MFU."""
    settings = goodput.GoodputStudy(gpus=study.gpus, gpus_per_node=1, tp=1, job_gpus=study.gpus, mfu=min(step.mfu, 1.0))
    return settings.job()


def price_offer(study: CompareStudy, bill: Bill, made: Offer) -> Offer:
    """Return the offer with its money: what is bought, what is burnt, and what that makes for a trillion tokens."""
    assert made.step and made.row
    catalogue, n = study.catalogue, made.installed_gpus
    kwh = catalogue.kwh_per_year(n * (catalogue.gpu.power_w + bill.w_per_gpu))
    running = made.row.availability * n / study.gpus  # of the time, the job does work that counts
    tokens = made.step.tokens_per_s * running * YEAR_S
    per = study.years * tokens / TRILLION
    power = Item("electricity-kwh", catalogue.electricity_usd_per_kwh, 0.0, "site")
    parts = [Part(part.item, part.count / bill.gpus * n / per) for part in bill.parts] if per else []
    whole = Bill(
        bill.arch,
        1,
        1.0,
        (*parts, Part(catalogue.gpu, n / per), Part(power, kwh * study.years / per)) if per else (),
        bill.architecture,
        bill.source,
    )
    return Offer(
        made.arch,
        made.step,
        made.group_gpus,
        n,
        made.row,
        made.wait_share,
        capex_usd=n * (catalogue.gpu.price_usd + bill.usd_per_gpu),
        interconnect_usd=n * bill.usd_per_gpu,
        kw=kwh / bills.HOURS_PER_YEAR,
        energy_usd_per_year=kwh * catalogue.electricity_usd_per_kwh,
        tokens_per_year=tokens,
        bill=whole if per else None,
        note=None if bill.parts else "its interconnect is not priced: its money is at least this; give --prices",
    )
