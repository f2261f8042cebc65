"""The buyer's page: one self-contained HTML file on which fabric, for this model, at these faults, for this money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from roundelay.errors import BadInput
from roundelay.fabric.cost import cost
from roundelay.fabric.goodput import compare
from roundelay.fabric.goodput.compare import CompareStudy, Offer, node_gpus
from roundelay.fabric.pages import compare_pictures, cost_pictures, goodput_picture, pictures, template
from roundelay.fabric.topology.topology import Fabric
from roundelay.fabric.waste import usable

MARK = '<meta name="generator" content="roundelay fabric compare">'
RATIOS = [0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1]
HEADS = (
    "architecture",
    "million USD per trillion tokens",
    "installed",
    "beside the job",
    "MFU",
    "goodput",
    "interconnect, USD/GPU",
    "to buy, million USD",
    "MW",
    "side by side",
    "tp × pp × dp × cp × ep",
)


def page(study: CompareStudy, offers: Sequence[Offer]) -> str:
    """Return the page as HTML; nothing in it asks for another file. Raises `BadInput` where there is no offer."""
    real = [offer for offer in offers if offer.step and offer.bill]
    if not real:
        raise BadInput("--arch", study.arch, f"none can run it: {'; '.join(f'{o.arch}: {o.note}' for o in offers)}")
    source = Path(study.trace).name if study.trace else f"built-in generator ({study.faults} faults)"
    rows = [replace(offer.row, arch=offer.arch) for offer in real if offer.row]
    return template.page(
        "compare",
        mark=MARK,
        title="Which fabric for this model?",
        page_rem=72,
        figure_rem=68,
        question=f"{escape(study.model)} on {study.gpus:,} {escape(study.hardware)} GPUs at once, "
        f"sequences of {study.seq:,} tokens, {study.global_batch:,} of them a step",
        source=f"Faults: {escape(source)}, {study.seeds} histories; the job may lack GPUs for {study.wait_share:.1%} "
        f"of the time. {study.years:g} years of use, a GPU at USD {study.catalogue.gpu.price_usd:,.0f}, electricity "
        f"at USD {study.catalogue.electricity_usd_per_kwh:.4f} a kWh.",
        verdict=template.items(verdict(study, offers)),
        limits=template.items(limits(offers)),
        table=_table(study, real),
        money=pictures.svg(compare_pictures.prices(real, study.gpus), "What a trillion tokens costs"),
        goodput=pictures.svg(goodput_picture.figure(rows), "Where the GPUs' time goes"),
        steps=pictures.svg(compare_pictures.steps(real), "Where a step's time goes"),
        faults=pictures.svg(compare_pictures.against_faults(curves(study, real)), "Price of a usable GPU"),
        sensitivity=_sensitivity(real),
    )


def verdict(study: CompareStudy, offers: Sequence[Offer]) -> list[str]:
    """Return what the numbers of this run say, in plain words; names are escaped, numbers computed."""
    real = [offer for offer in offers if offer.step and offer.bill]
    priced = [offer for offer in real if offer.priced]
    ties = compare.tied(offers)
    out = []
    if priced:
        best = priced[0]
        usd = best.usd_per_trillion_tokens
        assert best.step
        lead = "is, with others, the cheapest: it" if ties else "is the cheapest: it"
        out.append(
            f"<b>{escape(best.arch)}</b> {lead} trains a trillion tokens for {usd / 1e6:.2f} million USD, "
            f"± {best.step.accuracy.ratio:.0%} for its step time: "
            f"{best.installed_gpus:,} GPUs to install, {best.capex_usd / 1e6:.1f} million USD to buy."
        )
        out += [
            f"{escape(o.arch)} costs {o.usd_per_trillion_tokens / usd - 1:.1%} more"
            + (", less than the step times may be off by, <b>a tie</b>" if o.arch in ties else "")
            + f": {_why(o, best)}."
            for o in priced[1:]
        ]
    out.append(_fastest(real))
    for offer in real:
        if not offer.priced and priced:
            gap = priced[0].usd_per_trillion_tokens - offer.usd_per_trillion_tokens
            spare = gap * offer.tokens_per_year * study.years / 1e12 / offer.installed_gpus
            out.append(
                f"{escape(offer.arch)} has no bill. "
                + (
                    f"As computed it is the cheapest where its interconnect costs less than {spare:,.0f} USD a GPU."
                    if gap > 0
                    else f"It costs more than {escape(priced[0].arch)} even if its interconnect were free."
                )
            )
    out += [f"{escape(o.arch)} makes no offer: {escape(o.note or '')}." for o in offers if not o.bill]
    return out


def _fastest(real: Sequence[Offer]) -> str:
    """Return whose step is the fastest, and whose cannot be told from it."""
    steps = sorted(((o.step, o.arch) for o in real if o.step), key=lambda pair: pair[0].step_s)
    first, name = steps[0]
    near = [arch for step, arch in steps[1:] if step.step_s <= first.step_s * (1 + first.accuracy.ratio)]
    words = f"The fastest step is {escape(name)}'s, {first.step_s:.2f} s at {first.mfu:.1%} MFU"
    words += f", which the model cannot tell from that of {escape(', '.join(near))}" if near else ""
    goodput = max(o.row.goodput for o in real if o.row)
    return f"{words}. The best goodput, counting every installed GPU, is {goodput:.1%}."


def _why(offer: Offer, best: Offer) -> str:
    """Return what sets an offer apart from the best: tokens, GPUs, interconnect."""
    mine, theirs = (each.interconnect_usd / each.installed_gpus for each in (offer, best))
    tokens = offer.tokens_per_year / best.tokens_per_year - 1
    gpus = offer.installed_gpus - best.installed_gpus
    many = "as many" if abs(tokens) < 0.0005 else f"{tokens:+.1%}"
    return f"{many} tokens a year, {gpus:+,} GPUs, {mine - theirs:+,.0f} USD of interconnect a GPU"


def limits(offers: Sequence[Offer]) -> list[str]:
    """Return what a buyer must not read out of the page."""
    out = [
        *_errors(offers),
        "Servers, buildings and the datacenter network are left out: taken as the same for all.",
        "Every GPU is the same; rates of the domains are those of the paper's cost table. Power counts at its limit.",
        "A fault takes a node: 4 GPUs, and 8 on dgx, whose servers are one node each.",
        "A job keeps its size: where it lacks GPUs it waits. An elastic one is asked with <code>fabric goodput</code>.",
    ]
    out += [f"{escape(o.arch)}: {escape(o.note)}." for o in offers if o.bill and o.note]
    return out


def _errors(offers: Sequence[Offer]) -> list[str]:
    """Return what the step times of the offers may be off by, a sentence a class."""
    found = dict.fromkeys(o.step.accuracy for o in offers if o.step)
    return [
        f"Step times of class {each.kind} are computed, not measured: ± {each.ratio:.0%}, "
        + (
            f"within which 90 % of {each.rows} published runs lie"
            if each.checked
            else f"the worst of {each.rows} published runs, for none of them was as large as this job"
        )
        + " (<code>results/steptime</code>)."
        for each in found
    ]


def curves(study: CompareStudy, offers: Sequence[Offer]) -> dict[str, tuple[list[float], list[float]]]:
    """Return per architecture (fault ratios, USD per usable GPU) on the GPUs it installs; unusable ratios left out."""
    rules = {bill.arch: bill for bill in study.bills()}
    out = {}
    for offer in offers:
        bill = rules[offer.arch]
        node = node_gpus(bill)
        fabric = Fabric(offer.installed_gpus // node, node)
        assert bill.architecture
        rule = usable.of(bill.architecture, fabric, offer.group_gpus)
        price = study.catalogue.gpu.price_usd + bill.usd_per_gpu
        shares = [(p, rule.expected_usable(p) / fabric.gpus) for p in RATIOS]
        out[offer.arch] = [p for p, s in shares if s > 0.01], [price / s for _, s in shares if s > 0.01]
    return out


def _sensitivity(offers: Sequence[Offer]) -> str:
    """Return the picture of which price turns the order of the two best, and the sentence that says so."""
    priced = [offer for offer in offers if offer.priced and offer.bill]
    if len(priced) < 2 or not priced[0].bill or not priced[1].bill:
        return "<p>There are no two priced offers to weigh.</p>"
    rows = cost.sensitivity(priced[0].bill, priced[1].bill, "trillion tokens")
    decides = next((row for row in rows if row["decides"]), None)
    words = "No single price turns the order of these two."
    if priced[1].ties(priced[0]):
        words = "The two are a tie; no single price turns the order of their computed values."
    if decides:
        tie = "As computed, for the two are a tie: " if priced[1].ties(priced[0]) else ""
        words = (
            f"{tie}Between the two best, the price of {escape(decides['item'])} decides: at "
            f"{decides['break_even_usd']:,.4g} USD instead of {decides['price_usd']:,.4g} both would cost the same."
        )
    drawn = pictures.svg(cost_pictures.figure([("sensitivity", rows)]), "Which price decides")
    return f"<figure>{drawn}<figcaption>{words}</figcaption></figure>"


def _table(study: CompareStudy, offers: Sequence[Offer]) -> str:
    lines = ["<tr>" + "".join(f"<th>{head}</th>" for head in HEADS) + "</tr>"]
    ties = compare.tied(offers)
    for offer in offers:
        assert offer.step and offer.row
        cells = (
            f"{'' if offer.priced else 'at least '}{offer.usd_per_trillion_tokens / 1e6:,.3f}"
            f"{' (tie)' if offer.arch in ties else ''}",
            f"{offer.installed_gpus:,}",
            f"{offer.installed_gpus / study.gpus - 1:.1%}",
            f"{offer.step.mfu:.1%} ± {offer.step.mfu * offer.step.accuracy.ratio:.1%}",
            f"{offer.row.goodput:.1%}",
            f"{offer.interconnect_usd / offer.installed_gpus:,.0f}" if offer.priced else "not priced",
            f"{offer.capex_usd / 1e6:,.1f}",
            f"{offer.kw / 1000:,.2f}",
            f"{offer.group_gpus:,}",
            offer.step.parallelism.cut(" × "),
        )
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f"<tr><th scope=row>{escape(offer.arch)}</th>{row}</tr>")
    return "<table>" + "".join(lines) + "</table>"
