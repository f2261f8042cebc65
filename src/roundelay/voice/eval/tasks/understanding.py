"""Understanding of questions by their words: the exact call, clean and with recognition errors; refusal of the rest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.eval.tasks.task import Numbers, Row, Task, pair

CLEAN = 0.0


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is recognised: `said` was meant, `rate` is the word error rate simulated.

    `call` and `skill` are what it means; None is a sentence that means no call.
    """

    said: str
    recognised: str
    rate: float = CLEAN
    call: str | None = None
    skill: str | None = None


def understanding(
    questions: Callable[[int], Sequence[Question]],
    understand: Callable[[str], str | None],
    offered: Callable[[str], str | None],
    seed: int = 0,
) -> Task[Question]:
    """The task: the share of exact calls, other calls and refusals at each rate of recognition errors.

    `offered` gives the call that is offered where none is understood; where it is the right one, that is "asked".
    """

    def run(question: Question) -> Row:
        started = time.process_time()
        call = understand(question.recognised)
        spent_s = time.process_time() - started
        asked = call is None and question.call is not None and offered(question.recognised) == question.call
        return {
            "rate": question.rate,
            "skill": question.skill,
            "outcome": "asked"
            if asked
            else "refused"
            if call is None
            else "right"
            if call == question.call
            else "other",
            "errors": pair(word_errors(question.said, question.recognised)),
            "cpu_s": spent_s,
        }

    def score(rows: Sequence[Row]) -> Numbers:
        asked = [row for row in rows if row["skill"] is not None]
        clean = [row for row in asked if row["rate"] == CLEAN]
        missed = Counter(row["skill"] for row in clean if row["outcome"] != "right")
        count = Counter(row["skill"] for row in clean)
        others = [row for row in rows if row["skill"] is None]
        return {
            "rates": [
                {"rate": rate} | _shares([row for row in asked if row["rate"] == rate])
                for rate in dict.fromkeys(row["rate"] for row in asked)
            ],
            "missed": [
                {"skill": skill, "questions": count[skill], "missed": number} for skill, number in missed.most_common()
            ],
            "others": len(others),
            "others taken": sum(row["outcome"] != "refused" for row in others),
        }

    return Task("understanding", questions, run, score, seed)


def _shares(rows: Sequence[Row]) -> Numbers:
    outcomes, total = Counter(row["outcome"] for row in rows), len(rows)
    return {
        "wer": sum((Errors(*row["errors"]) for row in rows), Errors(0, 0)).rate,
        "questions": total,
        **{outcome: outcomes[outcome] / total for outcome in ("right", "asked", "other", "refused")},
        "ms": 1e3 * sum(row["cpu_s"] for row in rows) / total,
    }
