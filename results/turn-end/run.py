"""Is the turn over: a pause inside a sentence told from its end, on recordings of people and by the words of questions.

    python results/turn-end/run.py ../shared/data/human/corpus [EVERY]

EVERY = 6 takes every sixth sentence only. Writes numbers/ and README.md beside itself. The sentences are the dev split of
the recordings; nothing was chosen on them. A pause is what the session would be told of: a silence that the detector ends
a voice for. The questions are of the phrasings held out for tests; the weights of `voice.engines.nano.end_of_turn` were
chosen on those for development.
"""

import sys
from pathlib import Path

from roundelay.voice.eval.report import read_numbers
from roundelay.voice.eval.suite import Run, print_numbers, run_all
from roundelay.voice.suites import turn_end

HERE = Path(__file__).parent
corpus, every = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
tasks = {"questions": turn_end.questions, "sentences": lambda: turn_end.sentences(corpus, every)}
print_numbers(run_all(tasks, [], Run(HERE, {"corpus": str(corpus), "every": every})))
head = (HERE / "HEAD.md").read_text(encoding="utf-8")
body = turn_end.body(read_numbers(HERE / "numbers"), every)
(HERE / "README.md").write_text(f"{head}\n{body}", encoding="utf-8")
