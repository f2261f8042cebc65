"""Questions by their exact call: spoken, and written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from roundelay.voice.audio import Audio
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, by_set, groups_of

WRITTEN = "written questions"


def questions(
    recordings: Callable[[int], Sequence[Recording]],
    transcribe: Callable[[Audio], str],
    understand: Callable[[str], str | None],
    by_model: Callable[[str], str | None],
    seed: int = 0,
) -> Task[Recording]:
    """The task: the share understood as the exact call, and the share by the language model's own call.

    Recordings of the set "written questions" are read, not heard.
    """

    def run(recording: Recording) -> Row:
        words = recording.text if recording.set == WRITTEN else transcribe(recording.audio)
        return {
            "set": recording.set,
            "group": recording.group,
            "right": bool(words) and understand(words) == recording.call,
            "right by the model": bool(words) and by_model(words) == recording.call,
        }

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {}
        for name, found in by_set(rows):
            groups: dict[str, list[Row]] = defaultdict(list)
            for row in found:
                for group in groups_of(row):
                    groups[group].append(row)
            numbers[name] = {
                group: {
                    "right": round(sum(row["right"] for row in chosen) / len(chosen), 4),
                    "right by the model": round(sum(row["right by the model"] for row in chosen) / len(chosen), 4),
                    "questions": len(chosen),
                }
                for group, chosen in groups.items()
            }
        return numbers

    return Task("ask", recordings, run, score, seed)
