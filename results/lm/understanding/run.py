"""Understanding without a network, by exact call: python results/lm/understanding/run.py [QUESTIONS] [SPLIT]

Questions of a split (default: the held-out phrasings, `test`), clean and with simulated recognition errors, and sentences of
no domain, which should be refused; then the written sets beside this file: near-misses, everyday sentences, everyday
wordings. Writes numbers/ and README.md for `test` alone.
"""

import sys
from pathlib import Path

from roundelay.voice.eval.suite import Run, run
from roundelay.voice.suites import declining
from roundelay.voice.suites.understanding import tables, task

HERE = Path(__file__).parent
count, split = int(sys.argv[1]) if len(sys.argv) > 1 else 500, sys.argv[2] if len(sys.argv) > 2 else "test"
folder = HERE if split == "test" else None
numbers = run(task(count, split), Run(folder, {"questions": count}))
answering = run(declining.task(HERE), Run(folder))
page = f"{tables(numbers)}\n{declining.tables(answering)}"
print(page)
if split == "test":
    head = (HERE / "HEAD.md").read_text(encoding="utf-8")
    (HERE / "README.md").write_text(f"{head}\n{page}", encoding="utf-8")
