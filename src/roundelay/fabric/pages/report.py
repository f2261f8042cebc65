"""The fabric report: one self-contained HTML page that answers how many GPUs can be used, and where claims end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from roundelay.console import progress
from roundelay.errors import BadInput
from roundelay.fabric.faults.distribution import Distribution
from roundelay.fabric.faults.trace import Events
from roundelay.fabric.pages import pictures, template
from roundelay.fabric.waste import closed_form, sweeps, waste
from roundelay.fabric.waste.study import Study
from roundelay.files import check_free, write_text

MARK = '<meta name="generator" content="roundelay fabric report">'
SWEPT = [0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1]
SHOWN = ("big-switch", "infinitepod-k2", "infinitepod-k3", "nvl-72", "nvl-576", "tpuv4-subblock", "tpuv4-cube")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the page shows: the answer, the first history, the same question on harder histories, a sweep."""

    study: Study
    rows: list[waste.WasteRow]
    first: Events
    tp64: list[waste.WasteRow]
    spares: list[waste.WasteRow]
    together: list[waste.WasteRow]
    swept: list[dict[str, object]]


def write(study: Study, out: Path, *, force: bool = False, show_progress: bool | None = None) -> None:
    """Write the report to `out`; a file there that this verb did not make stays unless `force`."""
    check_free(out, force=force, mark=MARK)
    if study.fault_ratio is not None:
        raise BadInput("--fault-ratio", study.fault_ratio, "the report sweeps it by itself; leave it out")
    write_text(out, page(gather(study, show_progress=show_progress)), force=force, mark=MARK)


def gather(study: Study, *, show_progress: bool | None = None) -> Facts:
    """Return the page's facts; the hard cases are skipped where the fabric has no such case."""

    def harder(**changes: object) -> list[waste.WasteRow]:
        try:
            return study.with_(**changes).rows()
        except BadInput:
            return []

    first: list[Events] = []

    def watched() -> Iterator[Events]:
        for events in progress(study.histories(), "replaying", study.seeds, show_progress=show_progress):
            if not first:
                first.append(events)
            yield events

    return Facts(
        study=study,
        rows=study.rows(watched()),
        first=first[0],
        tp64=harder(tp=64),
        spares=harder(spares=True),
        together=harder(together=True, gpus_per_node=4, arch="infinitepod-k1,infinitepod-k2,infinitepod-k3"),
        swept=sweeps.sweep(study.with_(seeds=1), SWEPT, show_progress=show_progress),
    )


def page(facts: Facts) -> str:
    """Return the page as HTML; nothing in it asks for another file."""
    study = facts.study
    source = Path(study.trace).name if study.trace else f"built-in generator ({study.model} faults)"
    return template.page(
        "report",
        mark=MARK,
        title="Fabric report: how many GPUs can you use?",
        page_rem=62,
        figure_rem=60,
        question=f"{study.gpus:,} GPUs in nodes of {study.gpus_per_node}, groups of {study.tp} (TP-{study.tp})",
        source=f"Faults: {escape(source)}; {study.seeds} node orders; {facts.first.horizon_days:.0f} days.",
        verdict=template.items(verdict(facts)),
        limits=template.items(limits(facts)),
        table=_table(facts.rows, facts.study.architectures()[1]),
        **_figures(facts),
    )


def _row(rows: list[waste.WasteRow], arch: str) -> waste.WasteRow | None:
    return next((row for row in rows if row.arch == arch), None)


def _per_cent(ratio: float) -> str:
    return f"{100 * ratio:.2f} %"


def verdict(facts: Facts) -> list[str]:
    """Return what the numbers of this run say, in plain words, best architecture first."""
    gpus = facts.study.gpus
    real = [row for row in facts.rows if row.arch != "big-switch" and not row.note]
    ranked = sorted(real, key=lambda row: row.waste)
    out = [
        f"<b>{row.arch}</b> wastes {_per_cent(row.waste)} of the GPUs on average and {_per_cent(row.p99)} at its worst "
        f"hundredth of the time; a job of {row.largest_job_min_gpus:,} of the {gpus:,} GPUs never had to wait."
        for row in ranked[:3]
    ]
    ideal = facts.rows[0].remainder
    out.append(
        f"Even an ideal switch wastes {_per_cent(ideal)}: healthy GPUs that do not fill a last group of "
        f"{facts.study.tp}. No topology can win that back."
    )
    best = ranked[0] if ranked else None
    for rival in ("nvl-72", "tpuv4-subblock", "tpuv4-cube"):
        row = _row(facts.rows, rival)
        if row and best and best.waste > 0 and row is not best:
            factor = row.waste / best.waste
            held = "more than ten times" if factor > 10 else "NOT more than ten times"
            out.append(f"{rival} wastes {_per_cent(row.waste)}: {factor:.1f} times {best.arch}, {held}.")
    out += [f"{row.arch}: {row.note}; it would need a smaller TP." for row in facts.rows if row.note]
    return out


def limits(facts: Facts) -> list[str]:
    """Return where the paper's headline does not hold, with this run's numbers."""
    out = []
    k2, nvl = _row(facts.tp64, "infinitepod-k2"), _row(facts.tp64, "nvl-72")
    if k2 and nvl and k2.waste > 0:
        out.append(
            f"<b>TP-64.</b> NVL-72 wastes {_per_cent(nvl.waste)} and the K=2 ring {_per_cent(k2.waste)}: a factor of "
            f"{nvl.waste / k2.waste:.1f}, {'below' if nvl.waste < 10 * k2.waste else 'still above'} the promised ten. "
            "Larger groups leave a larger remainder, which every architecture pays."
        )
    tp = facts.study.tp
    plain, spared = _row(facts.rows, "nvl-72"), _row(facts.spares, "nvl-72")
    if plain and spared and 72 % tp:
        out.append(
            f"<b>The remainder of 72.</b> {72 % tp} of every 72 GPUs fit no group of {tp}, which is "
            f"{_per_cent(72 % tp / 72)} without a single fault. Counted as the spares they are sold as "
            f"({72 // tp * tp}+{72 % tp}), NVL-72 wastes {_per_cent(spared.waste)} instead of {_per_cent(plain.waste)}."
        )
    rows = {row.arch: row for row in facts.together}
    apart = _row(facts.rows, "infinitepod-k2")
    if rows and apart:
        out.append(
            "<b>Halves that fall together.</b> If a fault takes a whole 8-GPU chassis and its two 4-GPU halves are "
            f"ring neighbours, every fault is a double one: K=2 wastes {_per_cent(rows['infinitepod-k2'].waste)}, not "
            f" {_per_cent(apart.waste)}, no better than K=1 under the same faults "
            f"({_per_cent(rows['infinitepod-k1'].waste)}); K=3 keeps {_per_cent(rows['infinitepod-k3'].waste)}. "
            "Lay neighbours in different chassis."
        )
    p, r = facts.first.down_ratio(facts.study.fabric().nodes), facts.study.gpus_per_node
    ours, theirs = closed_form.khop_bound(p, 2, tp // r), closed_form.paper_bound(p, 2, tp, r)
    out.append(
        f"<b>The bound.</b> At this history's {_per_cent(p)} of nodes down, independent faults cost the K=2 ring at "
        f"most {_per_cent(ours)} on an endless ring; the paper's own bound, {_per_cent(theirs)}, is far looser."
    )
    return out


def _table(rows: list[waste.WasteRow], cannot: Mapping[str, str]) -> str:
    heads = ("architecture", "waste", "remainder", "topology", "p50", "p99", "max", "a job that never waits, GPUs")
    lines = ["<tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"]
    for row in rows:
        ratios = (row.waste, row.remainder, row.topology, row.p50, row.p99, row.max)
        cells = [f"<th scope=row>{row.arch}</th>", *(f"<td>{_per_cent(value)}</td>" for value in ratios)]
        lines.append("<tr>" + "".join(cells) + f"<td>{row.largest_job_min_gpus:,}</td></tr>")
    for name, why in cannot.items():
        note = f'<td colspan={len(heads) - 1} style="text-align:left;white-space:normal">{escape(why)}</td>'
        lines.append(f"<tr><th scope=row>{escape(name)}</th>{note}</tr>")
    return "<table>" + "".join(lines) + "</table>"


def _figures(facts: Facts) -> dict[str, str]:
    study = facts.study
    archs = [arch for arch in study.architectures()[0] if arch.name in SHOWN] or study.architectures()[0]
    replays = {arch.name: waste.gpu_counts(arch, facts.first) for arch in archs}
    weight = facts.first.durations()
    starts = np.append(0.0, facts.first.time_days)
    over_time = {name: replay.wasted / study.gpus for name, replay in replays.items()}
    spread = {name: Distribution.of(replay.wasted, weight) for name, replay in replays.items()}
    usable = {name: Distribution.of(replay.usable, weight) for name, replay in replays.items()}
    swept = [row for row in facts.swept if row["arch"] in {arch.name for arch in archs}]
    down = np.zeros(64, dtype=bool)
    down[[5, 17, 30, 31, 44, 52]] = True  # four single faults, stepped over; one double fault, which cuts a K=2 ring
    return {
        "time": pictures.svg(pictures.over_time(over_time, starts, facts.first.horizon_days), "Waste over time"),
        "spread": pictures.svg(pictures.distribution(spread, study.gpus), "Share of time above a waste"),
        "sweep": pictures.svg(
            pictures.against_ratio(swept, sweeps.curves(study, SWEPT), study.tp), "Waste against the fault ratio"
        ),
        "wait": pictures.svg(pictures.waiting(usable, study.gpus), "Share of time a job must wait"),
        "ring": pictures.svg(pictures.ring(down, 2, 4), "The K-hop ring with faults and bypasses"),
    }
