"""Understanding without a network, by exact call: python results/lm/understanding/run.py [QUESTIONS] [SPLIT]

Questions of a split (default: the held-out phrasings, `test`), clean and with simulated recognition errors, and sentences of no
domain, which should be refused. Writes the tables of README.md for `test` alone.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from roundelay.voice.data.asr_noise import simulate_errors
from roundelay.voice.data.domain_words import question_words
from roundelay.voice.data.questions import Question, draw
from roundelay.voice.data.sentences import TEST_SENTENCES
from roundelay.voice.data.text import expand
from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.nlu.understand import understand

HERE = Path(__file__).parent
RATES = (0.0, 0.05, 0.1, 0.2)
OTHERS = 100  # sentences of no domain
SEED = 4


def heard(questions: list[Question], rate: float) -> tuple[list[str], float]:
    """Return the misheard texts and their word error rate."""
    rng = np.random.default_rng(SEED)
    texts = [simulate_errors(question.text, rate, question_words(), rng) for question in questions]
    errors = sum((word_errors(q.text, text) for q, text in zip(questions, texts, strict=True)), Errors(0, 0))
    return texts, errors.rate


def main(count: int, split: str) -> None:
    rng = np.random.default_rng(SEED)
    questions = [draw(rng, split) for _ in range(count)]
    lines = [
        "| word errors meant | word errors | questions | exact call | another call | refused | ms of one core |",
        "|---|---|---|---|---|---|---|",
    ]
    missed: Counter[str] = Counter()
    asked = Counter(question.call.skill for question in questions)
    for rate in RATES:
        texts, wer = heard(questions, rate)
        started = time.process_time()
        calls = [understand(text) for text in texts]
        spent = (time.process_time() - started) / count
        right = sum(call == question.call for call, question in zip(calls, questions, strict=True))
        refused = calls.count(None)
        lines.append(
            f"| {rate:.0%} | {wer:.1%} | {count} | **{right / count:.1%}** | {(count - right - refused) / count:.1%} | {refused / count:.1%} | {1e3 * spent:.0f} |"
        )
        print(lines[-1], flush=True)
        for call, question, text in zip(calls, questions, texts, strict=True):
            if rate == 0 and call != question.call:
                missed[question.call.skill] += 1
                if split != "test":  # nobody looks at the held-out ones before the end
                    print(f"  {text!r}: {call}, should be {question.call}", flush=True)
    lines += ["", "| skill | questions | missed, clean |", "|---|---|---|"]
    lines += [f"| {skill} | {asked[skill]} | {number} |" for skill, number in missed.most_common()]
    others = [*sorted(TEST_SENTENCES)[: OTHERS // 2], *(expand("<sentence>", rng) for _ in range(OTHERS // 2))]
    taken = sum(understand(text) is not None for text in others)
    lines += ["", f"Sentences of no domain taken for a question: {taken} of {len(others)}."]
    print("\n".join(lines[len(RATES) + 2 :]))
    if split == "test":
        readme = HERE / "README.md"
        head = readme.read_text().split("<!-- table -->")[0]
        readme.write_text(head + "<!-- table -->\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, sys.argv[2] if len(sys.argv) > 2 else "test")
