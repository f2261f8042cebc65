"""Measures the shipped tokenizer and decoder: writes `numbers/`, `README.md` and the figures here.

    python results/codec/run.py --corpus corpus/a --people corpus/people --recordings shared/data/human

README.md, which this writes, ends with the commands that build the corpora.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="a corpus with dev and test splits")
    parser.add_argument("--people", type=Path, required=True, help="the corpus of people")
    parser.add_argument("--recordings", type=Path, required=True, help="the folder of fsdd/ and jfk.flac")
    parser.add_argument("--weights", type=Path, help="a folder of weights; by default those in the package")
    parser.add_argument("--memory", type=Path, default=HERE / ".memory", help="where the judge's answers are kept")
    parser.add_argument("--only", nargs="*", help="sections to measure, or plots, or report; by default all")
    parser.add_argument("--most", type=int, help="at most so many utterances of each set: a rehearsal")
    parser.add_argument("--out", type=Path, default=HERE)
    args = parser.parse_args()

    import plots
    import report
    from chain import Chain
    from sections import SECTIONS, Place

    place = Place(Chain(args.weights), args.corpus, args.people, args.recordings, args.memory, args.most)
    numbers = args.out / "numbers"
    numbers.mkdir(parents=True, exist_ok=True)
    for name in args.only or [*SECTIONS, "plots", "report"]:
        started = time.monotonic()
        if name == "plots":
            plots.draw(place, args.out)
        elif name == "report":
            (args.out / "README.md").write_text(report.write(numbers))
        else:
            found = SECTIONS[name](place)
            (numbers / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
            print(name, json.dumps(found), flush=True)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
