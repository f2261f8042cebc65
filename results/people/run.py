"""How well real people are understood, by each way of hearing: python results/people/run.py shared/data/human

Writes numbers/ and README.md beside itself; needs the extras whisper and eval. `--hear NAME=ENGINE` adds a way of hearing,
written as `roundelay serve --hear` takes it; `--only NAME` measures that alone. A run that is cut off goes on where it was.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from roundelay.voice.eval.report import write_page
from roundelay.voice.eval.suite import Run, print_numbers, run_all
from roundelay.voice.suites import people_page
from roundelay.voice.suites.people import HEARING, PeopleSuite

HERE = Path(__file__).parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("recordings", type=Path, help="the folder of corpus/, fsdd/ and jfk.flac")
parser.add_argument("--hear", action="append", default=[], metavar="NAME=ENGINE", help="one more way of hearing")
parser.add_argument("--only", nargs="*", default=[], help="the ways of hearing to measure; by default all")
parser.add_argument("--most", type=int, help="at most so many recordings of each set: a rehearsal")
parser.add_argument("--out", type=Path, default=HERE)
args = parser.parse_args()
hearing = HEARING | dict(each.split("=", 1) for each in args.hear)
suite = PeopleSuite(args.recordings, args.most, hearing=hearing)
print_numbers(run_all(suite.tasks(), args.only, Run(args.out, {"most": args.most})))
write_page(args.out, HERE, people_page.body)
