"""Goodput: the share of the installed GPUs' peak that becomes training progress, as a sum of named terms.

goodput = MFU x availability. Every second of all GPU-time over a fault history goes to one term: the GPU is down, or
healthy and in no group (remainder, topology), or usable and idle, waiting, detecting a fault, restarting, doing work
that is lost, writing a checkpoint, or doing useful work; useful work is MFU of the peak. The terms sum to one. The
paper evaluates MFU and waste apart; putting them together is ours.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from math import exp, expm1, inf, isfinite
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.faults.trace import Events
from roundelay.fabric.goodput import job_simulation
from roundelay.fabric.job.parallelism import Job
from roundelay.fabric.steptime.search import SearchResult, search
from roundelay.fabric.waste.study import Study
from roundelay.fabric.waste.usable import UsableGpus
from roundelay.record import Record

DAY_S = 86_400.0
TERMS = (
    "down",
    "remainder",
    "topology",
    "idle",
    "waiting",
    "detection",
    "restart",
    "lost",
    "checkpoint",
    "below_peak",
    "goodput",
)


@dataclass(frozen=True, slots=True)
class CheckpointedJob:
    """A training job: seconds, GPUs, and the MFU it reaches while it works.

    interval_s   work between two checkpoints; None chooses the best for the history's fault rate
    gpus         a fixed size; None takes every whole replica that fits
    replica_gpus GPUs of one replica of the model: the step in which a job grows and shrinks
    regrow       an elastic job takes back repaired nodes at its next checkpoint, else only after a fault
    """

    mfu: float
    replica_gpus: int
    checkpoint_s: float
    detect_s: float
    restart_s: float
    interval_s: float | None = None
    gpus: int | None = None
    regrow: bool = True


@dataclass(frozen=True, slots=True)
class GoodputRow(Record):
    """One architecture's answer, the mean over histories; `terms` are shares of all GPU-time and sum to one."""

    arch: str
    goodput: float
    mfu: float
    terms: dict[str, float]
    interruptions_per_day: float
    regrowths_per_day: float
    interval_s: float
    standard_error: float
    note: str | None = None

    @property
    def availability(self) -> float:
        """The share of all GPU-time that is useful work."""
        return self.terms["goodput"] + self.terms["below_peak"]

    def as_dict(self) -> dict[str, Any]:
        """Return the row as it stands in JSON."""
        out = super(GoodputRow, self).as_dict()
        note = out.pop("note", None)
        out["availability"] = self.availability
        return out if note is None else {**out, "note": note}


def best_interval_s(checkpoint_s: float, mtbf_s: float) -> float:
    """Return the work between checkpoints that loses least when faults come at random, `mtbf_s` apart on average.

    The exact optimum of `expected_availability`, x = work / MTBF with 1 - x = exp(-x - checkpoint / MTBF), by Newton;
    Young's sqrt(2 checkpoint MTBF) is its beginning. Without faults, MTBF itself is infinite and so is the interval.
    """
    if mtbf_s == inf:
        return inf
    c = max(checkpoint_s, 1e-3) / mtbf_s  # a checkpoint that costs nothing would be written without end
    x = min((2 * c) ** 0.5, 1.0)
    for _ in range(60):
        x -= (1 - x - exp(-x - c)) / (exp(-x - c) - 1)
    return x * mtbf_s


def expected_availability(job: CheckpointedJob, mtbf_s: float, interval_s: float) -> float:
    """Return the useful share of a job's time when faults come at random (exponential, mean `mtbf_s`).

    The renewal form known since Daly (2006): a work interval takes e^(restart/M) (M + detection) (e^((work +
    checkpoint)/M) - 1) on average. Restart, work and checkpoint can be hit; detection cannot.
    """
    work = exp(job.restart_s / mtbf_s) * (mtbf_s + job.detect_s) * expm1((interval_s + job.checkpoint_s) / mtbf_s)
    return interval_s / work


def over_history(
    archs: list[UsableGpus], histories: Iterable[Events], job: CheckpointedJob, tp: int, seed: int = 0
) -> list[GoodputRow]:
    """Return a row per architecture, the mean over histories; `seed` draws which nodes of a segment are left over."""
    shares: dict[str, list[np.ndarray]] = {arch.name: [] for arch in archs}
    for i, events in enumerate(histories):
        draw_E = np.random.default_rng((seed, i)).random(events.node.size)
        for arch in archs:
            shares[arch.name].append(account(arch, events, job, tp, draw_E))
    return [_row(arch, np.array(shares[arch.name]), job) for arch in archs]


def account(arch: UsableGpus, events: Events, job: CheckpointedJob, tp: int, draw_E: np.ndarray) -> np.ndarray:
    """Return the terms in order (goodput not yet parted from below_peak), hits and regrowths a day, and the interval.

    `draw_E` [E] are uniform draws that decide whether a node that fails was one of its segment's groups.
    """
    fabric = arch.fabric
    usable = arch.usable(events.node, events.delta)
    weight = events.durations() * DAY_S
    horizon_s = events.horizon_days * DAY_S
    chance_E = arch.in_use(events.node, events.delta)
    interval_s = job.interval_s or _interval(usable, chance_E, job, horizon_s)
    threshold = np.divide(draw_E, chance_E, out=np.full(len(draw_E), np.inf), where=chance_E > 0)
    kept = job_simulation.simulate_job(
        events.time_days * DAY_S,
        usable,
        threshold,
        horizon_s,
        (job.replica_gpus, job.gpus or 0, int(job.regrow)),
        (interval_s, job.checkpoint_s, job.detect_s, job.restart_s),
    )
    healthy = events.healthy(fabric.nodes) * fabric.gpus_per_node
    whole = fabric.gpus * horizon_s
    down = (fabric.gpus - healthy) @ weight
    remainder = (healthy % tp) @ weight
    topology = (healthy - usable) @ weight - remainder
    days = events.horizon_days
    rates = kept[job_simulation.HITS] / days, kept[job_simulation.REGROWTHS] / days, interval_s
    return np.concatenate(
        [[down / whole, remainder / whole, topology / whole], kept[: job_simulation.TERMS] / whole, rates]
    )


def _interval(usable: np.ndarray, chance_E: np.ndarray, job: CheckpointedJob, horizon_s: float) -> float:
    """Return the best interval for the hits to expect over the history, at most the whole of it."""
    size = np.full(len(usable), job.gpus) if job.gpus else usable // job.replica_gpus * job.replica_gpus
    share = np.minimum(size[:-1] / np.maximum(usable[:-1], 1), 1.0)
    hits = float(chance_E @ share)
    return min(best_interval_s(job.checkpoint_s, horizon_s / hits if hits else inf), horizon_s)


def _row(arch: UsableGpus, shares: np.ndarray, job: CheckpointedJob) -> GoodputRow:
    """Return the mean of the histories' accounts [S, terms and rates]."""
    mean = shares.mean(axis=0)
    useful = shares[:, len(TERMS) - 2]
    values = [*mean[: len(TERMS) - 2], mean[len(TERMS) - 2] * (1 - job.mfu), mean[len(TERMS) - 2] * job.mfu]
    terms = {name: float(value) for name, value in zip(TERMS, values, strict=True)}
    error = float(useful.std(ddof=1)) / len(useful) ** 0.5 if len(useful) > 1 else 0.0
    hits, regrowths, interval_s = (float(v) for v in mean[len(TERMS) - 1 :])
    note = None if terms["goodput"] > 0 else "the job never fits"
    return GoodputRow(arch.name, terms["goodput"], job.mfu, terms, hits, regrowths, interval_s, error * job.mfu, note)


def at_mfu(row: GoodputRow, mfu: float) -> GoodputRow:
    """Return the row with its useful work at another MFU."""
    useful, scale = row.availability, mfu / row.mfu
    terms = {**row.terms, "below_peak": useful * (1 - mfu), "goodput": useful * mfu}
    return replace(row, mfu=mfu, terms=terms, goodput=useful * mfu, standard_error=row.standard_error * scale)


@dataclass(frozen=True, slots=True)
class GoodputStudy(Study):
    """Settings of `roundelay fabric goodput`: those of a `Study` of a history, and the job's.

    mfu                       model FLOPs utilisation while the job works; or, for the best that `fabric.search` finds,
    trains, hardware, seq, global_batch   that of this model, on job_gpus GPUs with groups of tp
    job_gpus, replica_gpus    a fixed size (silent: elastic); GPUs of one replica of the model (silent: one TP group)
    checkpoint_s, interval_s  what a checkpoint blocks; work between two (silent: the best)
    detect_s, restart_s       after a fault; None of these four takes specs/goodput.toml
    regrow                    whether an elastic job takes back repaired nodes at its next checkpoint
    """

    mfu: float | None = None
    trains: str | None = None
    hardware: str = "h100"
    seq: int = 8192
    global_batch: int = 2048
    job_gpus: int | None = None
    replica_gpus: int | None = None
    checkpoint_s: float | None = None
    interval_s: float | None = None
    detect_s: float | None = None
    restart_s: float | None = None
    regrow: bool = True

    def __post_init__(self) -> None:
        Study.__post_init__(self)
        for key in ("fault_ratio", "job_share", "draws"):
            if getattr(self, key) is not None:
                raise BadInput(f"setting {key}", getattr(self, key), "is for fabric waste; goodput needs a history")
        if self.spares:
            raise BadInput("setting spares", "true", "is for fabric waste; goodput counts every GPU that does not work")
        Job(self.seq, self.global_batch)
        if self.mfu is not None and not 0 < self.mfu <= 1:
            raise BadInput("--mfu", self.mfu, "give a ratio above 0, at most 1")
        for key, flag in (("checkpoint_s", 0.0), ("detect_s", 0.0), ("restart_s", 0.0), ("interval_s", 1e-3)):
            value = getattr(self, key)
            if value is not None and not (isfinite(value) and flag <= value <= 1e9):
                raise BadInput(f"--{key.replace('_', '-')}", value, f"give seconds, {flag:g} to 1e9")
        for name, size, step in (
            ("--replica-gpus", self.replica_gpus, self.tp),
            ("--job-gpus", self.job_gpus, self.replica_gpus or self.tp),
        ):
            if size is not None and (size < 1 or size % max(step, 1) or size > self.gpus):
                raise BadInput(name, size, f"give a multiple of {step}, at most the fabric's {self.gpus}")

    def job(self, mfu: float | None = None) -> CheckpointedJob:
        """Return the job, at this MFU or at that of the settings."""
        used = self.mfu if mfu is None else mfu
        if used is None:
            raise BadInput("--mfu", None, "give the MFU the job reaches while it works, e.g. 0.4, or a --model")
        spec = tomllib.loads(files("roundelay.fabric.specs").joinpath("goodput.toml").read_text(encoding="utf-8"))[
            "job"
        ]
        seconds = {key: spec[key] if getattr(self, key) is None else getattr(self, key) for key in spec}
        replica = self.replica_gpus or self.tp
        return CheckpointedJob(
            used, replica, interval_s=self.interval_s, gpus=self.job_gpus, regrow=self.regrow, **seconds
        )

    def plan(self) -> tuple[list[UsableGpus], dict[str, float], dict[str, str]]:
        """Return the architectures, the MFU of each, and of each that cannot run it, by name, why not."""
        archs, cannot = self.architectures()
        if self.trains is None:
            mfu = self.job().mfu
            return archs, {arch.name: mfu for arch in archs}, cannot
        if self.mfu is not None:
            raise BadInput("--mfu", self.mfu, "goes without --model, which finds it; give one of the two")
        if self.job_gpus is None:
            raise BadInput("--model", self.trains, "is timed at a fixed size; give --job-gpus")
        mfus: dict[str, float] = {}
        for arch in archs:
            try:
                found = self._search(arch.name)
            except BadInput as error:
                what = "--job-gpus" if error.what == "--gpus" else error.what
                cannot[arch.name] = str(BadInput(what, error.value, error.do))
                continue
            mfus[arch.name] = min(found.best[0].mfu, 1.0)
        if not mfus:
            name, why = list(cannot.items())[-1]
            raise BadInput("--model", self.trains, f"fits nowhere: {name}: {why}")
        return [arch for arch in archs if arch.name in mfus], mfus, cannot

    def _search(self, arch: str) -> SearchResult:
        """Return the fastest cut of the model on an architecture, with groups of tp."""
        assert self.trains is not None and self.job_gpus is not None
        return search(
            self.trains,
            self.job_gpus,
            arch,
            seq=self.seq,
            global_batch=self.global_batch,
            hardware=self.hardware,
            fixed={"tp": self.tp},
        )

    def answer(self, histories: Iterable[Events] | None = None) -> list[GoodputRow]:
        """Return a row per architecture."""
        archs, mfus, _ = self.plan()
        chosen = self.histories() if histories is None else histories
        rows = over_history(archs, chosen, self.job(1.0), self.tp, self.seed)
        return [at_mfu(row, mfus[row.arch]) for row in rows]
