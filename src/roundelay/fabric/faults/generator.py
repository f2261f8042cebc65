"""Generators of fault histories: fitted to a real trace, independent and identical, or correlated between neighbours.

The built-in default is `specs/faults.toml`, fitted by `fit` to the InfinitePOD authors' public trace, so that
everything runs without a file. The model (ours) keeps what the trace shows to matter: bad months, servers that fail
again and again, several servers failing within minutes, and repair times over five orders of magnitude.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.faults.trace import GPUS_PER_SERVER, Trace

INCIDENT_GAP_DAYS = 0.02  # faults whose starts follow each other within half an hour are one incident
QUANTILES = 41
MAX_SERVERS = 5_000_000


@dataclass(frozen=True, slots=True)
class FaultModel:
    """What a year of faults looks like.

    months           faults per server and day in each equal part of the span; longer histories repeat them
    month_repair     mean repair time of a fault in each part, days
    span_days        the length of all parts together
    repair_quantiles repair time over its part's mean, at evenly spaced probabilities from 0 to 1
    incident_sizes   probability that an incident hits 1, 2, 3 … servers
    server_shape     shape of the gamma distribution of the servers' fault rates; 0 means that all are alike
    neighbours       whether the servers of an incident stand side by side (a shared rack or power feed)
    """

    months: np.ndarray
    month_repair_days: np.ndarray
    span_days: float
    repair_quantiles: np.ndarray
    incident_sizes: np.ndarray
    server_shape: float
    neighbours: bool = False

    def mean_down_ratio(self) -> float:
        """Return the expected share of servers that are down, before faults of one server overlap."""
        return float(np.mean(self.months * self.month_repair_days))

    def to_toml(self, source: str) -> str:
        """Return the model as the text of a TOML file."""

        def row(values: np.ndarray) -> str:
            return "[" + ", ".join(f"{v:.6g}" for v in values) + "]"

        return (
            f"# A fault model: roundelay fabric faults --fit. Fitted to: {source}\n"
            f"span_days = {self.span_days:.6g}\nserver_shape = {self.server_shape:.6g}\n"
            f"faults_per_server_day = {row(self.months)}\nmonth_repair_days = {row(self.month_repair_days)}\n"
            f"incident_sizes_ratio = {row(self.incident_sizes)}\n"
            f"repair_quantiles_ratio = {row(self.repair_quantiles)}\n"
        )


def fit(trace: Trace, months: int = 12) -> FaultModel:
    """Return the model of a trace's statistics; raises `BadInput` where it holds too few faults to speak of."""
    if trace.faults < 24:
        raise BadInput("trace", f"of {trace.faults} faults", "is too short to fit; give at least 24 faults")
    start, repair = trace.start_days, trace.end_days - trace.start_days
    month = np.minimum((start / trace.horizon_days * months).astype(int), months - 1)
    count = np.bincount(month, minlength=months)
    spent = np.bincount(month, weights=repair, minlength=months)
    mean_repair = np.where(count > 0, spent / np.maximum(count, 1), repair.mean())
    scaled = repair / np.maximum(mean_repair[month], 1e-12)
    # The table is read with linear interpolation; a power-spaced grid keeps the long tail's mean.
    table = np.quantile(scaled, _grid())
    cuts = np.flatnonzero(np.diff(np.sort(start)) > INCIDENT_GAP_DAYS) + 1
    sizes = np.diff(np.concatenate([[0], cuts, [trace.faults]]))
    per_server = np.bincount(trace.server, minlength=trace.servers)
    excess = per_server.var(ddof=1) - per_server.mean()
    return FaultModel(
        months=count / (trace.servers * trace.horizon_days / months),
        month_repair_days=mean_repair,
        span_days=trace.horizon_days,
        repair_quantiles=table / _table_mean(table),
        incident_sizes=np.bincount(sizes)[1:] / len(sizes),
        server_shape=float(per_server.mean() ** 2 / excess) if excess > 0 else 0.0,
    )


def _grid() -> np.ndarray:
    """Return the probabilities of the quantile table, denser towards 1, where the tail holds the mean."""
    return 1 - (1 - np.linspace(0, 1, QUANTILES)) ** 2


def _table_mean(table: np.ndarray) -> float:
    return float(((table[1:] + table[:-1]) / 2 * np.diff(_grid())).sum())


def read_model(path: Path | str | None = None) -> FaultModel:
    """Return the model in a TOML file, or the built-in one; raises `BadInput` for what does not fit the form."""
    if path is None:
        text, name = (
            files("roundelay.fabric.specs").joinpath("faults.toml").read_text(encoding="utf-8"),
            "built-in",
        )
    else:
        name = str(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("fault model", path, f"cannot be read ({error}); give a TOML file made by --fit") from None
    try:
        return _model(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadInput("fault model", name, f"is not of the form that --fit writes ({error}); fit it again") from None


def _model(table: Mapping[str, object]) -> FaultModel:
    rows = {
        key: np.asarray(table[key], dtype=np.float64)
        for key in (
            "faults_per_server_day",
            "month_repair_days",
            "incident_sizes_ratio",
            "repair_quantiles_ratio",
        )
    }
    span, shape = float(table["span_days"]), float(table["server_shape"])  # type: ignore[arg-type]
    for key, values in rows.items():
        if values.ndim != 1 or not values.size or not np.isfinite(values).all() or (values < 0).any():
            raise ValueError(f"{key} is no list of numbers from 0 on")
    if len(rows["faults_per_server_day"]) != len(rows["month_repair_days"]) or not span > 0 or shape < 0:
        raise ValueError("months differ in number, or span_days or server_shape is out of range")
    if len(rows["repair_quantiles_ratio"]) != QUANTILES or rows["incident_sizes_ratio"].sum() <= 0:
        raise ValueError(f"expected {QUANTILES} repair quantiles and some incident size")
    return FaultModel(
        rows["faults_per_server_day"],
        rows["month_repair_days"],
        span,
        rows["repair_quantiles_ratio"],
        rows["incident_sizes_ratio"] / rows["incident_sizes_ratio"].sum(),
        shape,
    )


def independent(model: FaultModel) -> FaultModel:
    """Return a model with the same mean rate and repair times, but no bad months, bad servers or joint incidents."""
    rate, repair = float(model.months.mean()), model.mean_down_ratio() / float(model.months.mean())
    return replace(
        model,
        months=np.array([rate]),
        month_repair_days=np.array([repair]),
        incident_sizes=np.array([1.0]),
        server_shape=0.0,
    )


def correlated(model: FaultModel, incident_servers: int) -> FaultModel:
    """Return a model in which every incident takes `incident_servers` neighbouring servers (a rack, a power feed)."""
    if incident_servers < 1:
        raise BadInput("--rack-servers", incident_servers, "give at least 1")
    sizes = np.zeros(incident_servers)
    sizes[-1] = 1
    return replace(model, incident_sizes=sizes, neighbours=True)


def generate(
    model: FaultModel,
    servers: int,
    seed: int,
    days: float | None = None,
    gpus_per_server: int = GPUS_PER_SERVER,
) -> Trace:
    """Return a history of `servers` over `days` (the model's span if silent); the same seed gives the same history."""
    if not 1 <= servers <= MAX_SERVERS:
        raise BadInput("--servers", servers, f"give 1 to {MAX_SERVERS:,}")
    horizon = model.span_days if days is None else days
    if not (np.isfinite(horizon) and 0 < horizon <= 36_500):
        raise BadInput("--days", horizon, "give more than 0 and at most 36,500")
    rng = np.random.default_rng(seed)
    part_days = model.span_days / len(model.months)
    starts = np.arange(int(np.ceil(horizon / part_days))) * part_days
    lasts = np.minimum(part_days, horizon - starts)
    month = np.arange(len(starts)) % len(model.months)
    mean_size = model.incident_sizes @ np.arange(1, len(model.incident_sizes) + 1)
    incidents = rng.poisson(model.months[month] * servers * lasts / mean_size)
    which = np.repeat(np.arange(len(starts)), incidents)
    when = starts[which] + rng.random(len(which)) * lasts[which]
    sizes = 1 + np.searchsorted(np.cumsum(model.incident_sizes)[:-1], rng.random(len(which)))
    incident = np.repeat(np.arange(len(which)), sizes)
    start = when[incident]
    end = np.minimum(start + _repair(model, rng, len(start)) * model.month_repair_days[month[which[incident]]], horizon)
    rates = np.cumsum(rng.gamma(model.server_shape, size=servers)) if model.server_shape > 0 else None
    if model.neighbours:
        first = np.cumsum(sizes) - sizes
        server = (
            _servers(rng, rates, servers, len(sizes))[incident] + np.arange(len(incident)) - first[incident]
        ) % servers
    else:
        server = _servers(rng, rates, servers, len(incident))
        _move_overlaps(rng, rates, servers, server, start, end)
    order = np.argsort(start, kind="stable")
    return Trace(server[order].astype(np.int32), start[order], end[order], servers, float(horizon), gpus_per_server)


def _repair(model: FaultModel, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return repair times over their month's mean, drawn from the quantile table by inversion."""
    return np.interp(rng.random(count), _grid(), model.repair_quantiles)


def _servers(rng: np.random.Generator, rates: np.ndarray | None, servers: int, count: int) -> np.ndarray:
    """Return `count` servers drawn by their cumulated rates [servers], or all alike where there are none."""
    if rates is None:
        return rng.integers(servers, size=count)
    return np.minimum(np.searchsorted(rates, rng.random(count) * rates[-1]), servers - 1)


def _move_overlaps(
    rng: np.random.Generator,
    rates: np.ndarray | None,
    servers: int,
    server: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    rounds: int = 4,
) -> None:
    """Draw another server, in place, for faults that fell on one already down: what is down does not fail again."""
    for _ in range(rounds):
        order = np.lexsort((start, server))
        again = (server[order[1:]] == server[order[:-1]]) & (start[order[1:]] < end[order[:-1]])
        moved = order[1:][again]
        if not moved.size:
            return
        server[moved] = _servers(rng, rates, servers, len(moved))
