"""What judges understand of synthesised speech, beside an original of the same text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from roundelay.voice.audio import Audio
from roundelay.voice.eval.judges import Panel, column
from roundelay.voice.eval.metrics.signal import longest_silence_s
from roundelay.voice.eval.tasks.task import Numbers, Row, Task, by_set, sum_errors

LOST_END, RUN_AWAY = 0.6, 1.7  # of the original's duration: the end is lost; the synthesis does not end (ours)

MAX_SILENCE_S = 1.0  # inside a rendering (ours)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A text to be said in a voice; `original` is the same by another speaker of that voice (None: he failed)."""

    set: str
    voice: str
    text: str
    original: Audio | None


def speaking(
    lines: Callable[[int], Sequence[Line]],
    say: Callable[[str, str], Audio],
    panels: Mapping[str, Panel],
    seed: int = 0,
) -> Task[Line]:
    """The task: word error rates by set and voice, ours and the original's; lost ends and runaways by duration.

    `say` gives the audio of a text in a voice; the judges of each set are told its words.
    """

    def run(line: Line) -> Row:
        row: dict[str, object] = {"set": line.set, "group": line.voice}
        if line.original is None:
            return row
        made, panel = say(line.text, line.voice), panels[line.set]
        errors = panel.errors("ours", line.text, made) | panel.errors("teacher", line.text, line.original)
        return (
            row
            | errors
            | {
                "ratio": made.duration_s / line.original.duration_s,
                "longest_silence_s": longest_silence_s(made),
            }
        )

    def score(rows: Sequence[Row]) -> Numbers:
        return {name: _by_voice(found, tuple(panels[name].judges)) for name, found in by_set(rows)}

    return Task("say", lines, run, score, seed)


def _by_voice(rows: Sequence[Row], judges: Sequence[str]) -> Numbers:
    columns = [column(what, name) for what in ("ours", "teacher") for name in judges]
    sums = {each: sum_errors(rows, each) for each in columns}
    numbers: Numbers = {}
    for voice in dict.fromkeys(row["group"] for row in rows):
        ratios = [row["ratio"] for row in rows if row["group"] == voice and "ratio" in row]
        silences = [row["longest_silence_s"] for row in rows if row["group"] == voice and "ratio" in row]
        numbers[voice] = {each: round(found[voice].rate, 4) for each, found in sums.items()} | {
            "lost ends": sum(ratio < LOST_END for ratio in ratios),
            "run away": sum(ratio > RUN_AWAY for ratio in ratios),
            "longest_silence_s": max(silences, default=0.0),
            "silences": sum(silence > MAX_SILENCE_S for silence in silences),
            "texts": sum(row["group"] == voice for row in rows),
        }
    return numbers
