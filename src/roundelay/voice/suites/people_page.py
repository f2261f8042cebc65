"""The page of the suite of people: goals beside figures, then every configuration on every set."""

from __future__ import annotations

from collections.abc import Iterable

from roundelay.voice.eval.report import Cells, Found, percent, percent_verdict, table, targets
from roundelay.voice.eval.tasks.task import Numbers
from roundelay.voice.suites.people import DIGITS_SET, HEARING, LONG_SET, PHONE_SET, SLOTS

DEFAULT = "default"  # the configuration that `make run` hears with, once it is measured
OWN = "nano"
SLOTS_HEARD = 0.9
GOALS: tuple[tuple[str, str, float], ...] = (
    ("default", "stories, read", 0.04),
    ("default", "telephone sentences", 0.25),
    ("default", DIGITS_SET, 0.20),
    ("default", LONG_SET, 0.10),
    (OWN, "stories, read", 0.12),
    (OWN, "telephone sentences", 0.35),
)


def body(found: Found) -> str:
    """The page between its head and its notes; what was not measured is left out."""
    words, found = found.get(SLOTS), {name: one for name, one in found.items() if name != SLOTS}
    names = [*(name for name in HEARING if name in found), *(name for name in found if name not in HEARING)]
    most = {name: max((one["all"]["words"] for one in found[name].values()), default=0) for name in names}
    names.sort(key=lambda name: -most[name])  # a sample stands behind what was measured whole
    kinds = dict.fromkeys(kind for name in names for kind in found[name])
    text = "## Goals\n\n" + targets([*_goals(found), *_slot_goals(words)])
    text += "\n## Words wrong, with the 95 % interval\n\n"
    head = ("set", "recordings", "words", *names)
    rows = [row for kind in kinds for row in _rows(found, names, kind)]
    text += table(head, rows)
    text += "\n## CPU seconds a recording\n\n"
    lengths = {kind: found[name][kind]["all"] for name in names for kind in found[name]}
    costs = [
        (kind, f"{one['seconds'] / one['recordings']:.1f} s", *(_cost(found[name], kind) for name in names))
        for kind, one in lengths.items()
    ]
    return text + table(("set", "mean length", *names), costs) + _slots(words)


def _slot_goals(words: Numbers | None) -> Iterable[Cells]:
    if words is not None:
        one = words[PHONE_SET]["requests"]
        verdict = percent_verdict(one["recall"], SLOTS_HEARD, at_most=False)
        yield (
            "words that carry the meaning of requests by telephone, by default",
            f"≥ {percent(SLOTS_HEARD)}",
            (f"{percent(one['recall'])} ({_interval(one)})"),
            verdict,
        )


def _slots(words: Numbers | None) -> str:
    """The table of words that carry the meaning."""
    if words is None:
        return ""
    rows = (
        (
            group,
            one["recordings"],
            one["slots"],
            f"{percent(one['recall'])} ({_interval(one)})",
            ", ".join(f"{word} ({count})" for word, count in one["often missed"]),
        )
        for group, one in words[PHONE_SET].items()
    )
    head = ("telephone sentences", "recordings", "such words", "heard", "missed most")
    return f"\n## Words that carry the meaning, by default\n\n{table(head, rows)}"


def _goals(found: Found) -> Iterable[Cells]:
    for name, kind, most in GOALS:
        at = "whisper" if name == DEFAULT and DEFAULT not in found else name
        if kind not in found.get(at, {}):
            continue
        group = "odd numbers" if "odd numbers" in found[at][kind] else "all"
        value = found[at][kind][group]["wer"]
        shown = f"{percent(value)} ({_interval(found[at][kind][group])})"
        what = f"{kind}{', ' + group if group != 'all' else ''}, by {at}"
        yield what, f"≤ {percent(most)}", shown, percent_verdict(value, most)


def _rows(found: Found, names: list[str], kind: str) -> Iterable[Cells]:
    groups = dict.fromkeys(group for name in names for group in found[name].get(kind, {}))
    for group in groups:
        if group == "all" or len(groups) > 2:  # one group alone is all
            some = next(found[name][kind][group] for name in names if group in found[name].get(kind, {}))
            title = kind if group == "all" else f"{kind}, {group}"
            yield (
                title,
                some["recordings"],
                some["words"],
                *(_wrong(found[name], kind, group, some["words"]) for name in names),
            )


def _wrong(numbers: Numbers, kind: str, group: str, words: int) -> str:
    """The rate with its interval, and how many words where these are others than the row's."""
    one = numbers.get(kind, {}).get(group)
    if one is None:
        return "–"
    of = "" if one["words"] == words else f", {one['words']} words"
    return f"{percent(one['wer'])} ({_interval(one)}{of})"


def _interval(one: Numbers) -> str:
    if one["recordings"] < 2:
        return "one recording"
    low, high = one["interval"]
    return f"{100 * low:.1f}–{100 * high:.1f}"


def _cost(numbers: Numbers, kind: str) -> str:
    one = numbers.get(kind, {}).get("all")
    return "–" if one is None else f"{one['cpu_s']:.2f}"
