"""README.md from numbers/: theirs (goals and teachers) beside ours, and a verdict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

NOTES = Path(__file__).with_name("NOTES.md")


def write(numbers: Path) -> str:
    """The page as Markdown."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(numbers.glob("*.json"))}
    text = "# The language model, measured\n\n"
    text += (
        "What the packaged weights hear, answer and say. The tables are written by `run.py` from `numbers/`: no figure is\n"
        "typed in by hand. Held out from training: the sentences, the phrasings of the questions, and one voice of each engine\n"
        "(flite `awb`, festival `kal_diphone`, espeak-ng `m3`). The judge of what is said is PocketSphinx, told which words\n"
        "the set contains; it is weak, so its rate on the teacher's own recording stands beside every rate.\n\n"
    )
    text += "## Targets\n\n" + _table(("what", "target", "measured", "verdict"), _targets(found))
    titles = {"hear": "Hearing", "alone": "The language model alone, hearing", "people": "Hearing people"}
    for name, title in ((name, f"{title} (word error rate)") for name, title in titles.items()):
        if name in found:
            rows = [
                (kind, group, one["words"], _percent(one["wer"]))
                for kind, groups in found[name].items()
                for group, one in groups.items()
                if "wer" in one
            ]
            text += f"\n## {title}\n\n" + _table(("set", "voices", "words", "errors"), rows)
    if "people" in found:
        text += f"\nThe long sentence, as heard: “{found['people']['the long sentence']['heard']['text']}”\n"
    if "ask" in found:
        rows = [
            (kind, group, one["questions"], _percent(one["right"]), _percent(one.get("right by the model")))
            for kind, groups in found["ask"].items()
            for group, one in groups.items()
        ]
        head = ("questions", "voices", "how many", "exact call", "by the model alone, from the same words")
        text += "\n## Questions in held-out phrasings\n\n" + _table(head, rows)
    if "say" in found:
        rows = [
            (
                kind,
                voice,
                one["texts"],
                _percent(one["teacher"]),
                _percent(one["ours"]),
                one["lost ends"],
                one["run away"],
            )
            for kind, voices in found["say"].items()
            for voice, one in voices.items()
        ]
        head = ("set", "voice", "texts", "teacher, judged", "ours, judged", "lost ends", "run away")
        text += "\n## Speaking (the judge's word error rate)\n\n" + _table(head, rows)
    return text + ("\n" + NOTES.read_text() if NOTES.is_file() else "")


def _targets(found: dict[str, Any]) -> Iterable[Sequence[object]]:
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
            verdict = "met" if right >= 0.9 else f"**missed** by {100 * (0.9 - right):.1f} points"
            yield f"questions, {kind}", "≥ 90 % exact", _percent(right), verdict
    if "say" in found:
        for kind, more in (("domain", 0.08), ("open sentences", 0.15)):
            for voice, one in found["say"][kind].items():
                yield _limit(f"said: {kind}, {voice}", one["ours"], one["teacher"] + more)
        lost = sum(one["lost ends"] + one["run away"] for kind in found["say"].values() for one in kind.values())
        texts = sum(one["texts"] for kind in found["say"].values() for one in kind.values())
        yield "lost ends and run-aways", "none", f"{lost} of {texts}", "met" if not lost else "**missed**"


def _limit(what: str, value: float, most: float) -> Sequence[object]:
    verdict = "met" if value <= most else f"**missed** by {100 * (value - most):.1f} points"
    return what, f"≤ {_percent(most)}", _percent(value), verdict


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
