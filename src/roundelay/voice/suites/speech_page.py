"""The page of a pipeline's suite: theirs (goals and teachers) beside ours, and a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from roundelay.voice.eval.judges import JUDGES, NOTE, column
from roundelay.voice.eval.report import Cells, Found, percent, percent_verdict, table, targets
from roundelay.voice.eval.tasks.task import Numbers


def body(found: Found) -> str:
    """The page between its head and its notes; what was not measured is left out."""
    text = "## Targets\n\n" + targets(_targets(found))
    titles = {"hear": "Hearing", "alone": "The language model alone, hearing", "people": "Hearing people"}
    for name, title in titles.items():
        if name in found:
            text += f"\n## {title} (word error rate)\n\n" + _hearing(found[name])
    if "people" in found:
        text += f"\nThe long sentence, as heard: “{found['people']['the long sentence']['heard']['text']}”\n"
    if "ask" in found:
        text += "\n## Questions in held-out phrasings\n\n" + _questions(found["ask"])
    if "say" in found:
        text += "\n## Speaking (the judges' word error rates)\n\n" + NOTE + "\n" + _speaking(found["say"])
    return text


def _hearing(numbers: Numbers) -> str:
    rows = (
        (kind, group, one["words"], percent(one["wer"]))
        for kind, groups in numbers.items()
        for group, one in groups.items()
        if "wer" in one
    )
    return table(("set", "voices", "words", "errors"), rows)


def _questions(numbers: Numbers) -> str:
    rows = (
        (kind, group, one["questions"], percent(one["right"]), percent(one.get("right by the model")))
        for kind, groups in numbers.items()
        for group, one in groups.items()
    )
    return table(("questions", "voices", "how many", "exact call", "by the model alone, from the same words"), rows)


def _speaking(numbers: Numbers) -> str:
    rows = (
        (
            *(kind, voice, one["texts"], judge, percent(one[column("teacher", judge)])),
            *(percent(one[column("ours", judge)]), one["lost ends"], one["run away"]),
            *(_seconds(one.get("longest_silence_s")), one.get("silences", "–")),
        )
        for kind, voices in numbers.items()
        for voice, one in voices.items()
        for judge in JUDGES
        if column("ours", judge) in one
    )
    head = ("set", "voice", "texts", "judge", "teacher, judged", "ours, judged", "lost ends", "run away")
    return table((*head, "longest silence", "silences too long"), rows)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def _targets(found: Found) -> Iterable[Cells]:
    if "hear" in found:
        for kind, most in (
            ("domain, known voices", 0.02),
            ("domain, held-out voices", 0.10),
            ("open sentences, held-out voices", 0.20),
        ):
            yield _limit(f"heard: {kind}", found["hear"][kind]["all"]["wer"], most)
    if "ask" in found:
        for kind in ("known voices", "held-out voices"):
            right = found["ask"][kind]["all"]["right"]
            yield f"questions, {kind}", "≥ 90 % exact", percent(right), percent_verdict(right, 0.9, at_most=False)
    if "say" in found:
        for kind, more in (("domain", 0.08), ("open sentences", 0.15)):
            for voice, one in found["say"][kind].items():
                yield _limit(f"said: {kind}, {voice}", one["ours"], one["teacher"] + more)
        lost = sum(one["lost ends"] + one["run away"] for kind in found["say"].values() for one in kind.values())
        texts = sum(one["texts"] for kind in found["say"].values() for one in kind.values())
        yield "lost ends and run-aways", "none", f"{lost} of {texts}", "met" if not lost else "**missed**"


def _limit(what: str, value: float, most: float) -> Cells:
    return what, f"≤ {percent(most)}", percent(value), percent_verdict(value, most)
