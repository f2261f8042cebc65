"""Measures the shipped tokenizer and decoder: writes `numbers/`, `README.md` and the figures here.

    python results/codec/run.py --corpus corpus/a --people corpus/people --recordings shared/data/human

README.md, which this writes, ends with the commands that build the corpora. A run that is cut off goes on where it was.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from roundelay.voice.eval import judges
from roundelay.voice.eval.report import write_page
from roundelay.voice.eval.suite import Run, print_numbers, run_all
from roundelay.voice.eval.tasks.codec import Codec
from roundelay.voice.suites import codec_figures, codec_page
from roundelay.voice.suites.codec import CodecSuite

HERE = Path(__file__).parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--corpus", type=Path, required=True, help="a corpus with dev and test splits")
parser.add_argument("--people", type=Path, required=True, help="the corpus of people")
parser.add_argument("--recordings", type=Path, required=True, help="the folder of fsdd/ and jfk.flac")
parser.add_argument("--weights", type=Path, help="a folder of weights; by default those in the package")
parser.add_argument("--memory", type=Path, default=HERE / ".memory", help="where the judge's answers are kept")
parser.add_argument("--only", nargs="*", default=[], help="tasks to measure; by default all, and then the figures")
parser.add_argument("--most", type=int, help="at most so many utterances of each set: a rehearsal")
parser.add_argument("--out", type=Path, default=HERE)
args = parser.parse_args()
places = (args.corpus, args.people, args.recordings, args.memory)
suite = CodecSuite(Codec(args.weights), judges.load_all(), *places, args.most)
setting = {"weights": str(args.weights), "corpus": str(args.corpus), "people": str(args.people), "most": args.most}
print_numbers(run_all(suite.tasks(), args.only, Run(args.out, setting)))
if not args.only:
    codec_figures.draw(suite, args.out)
write_page(args.out, HERE, codec_page.body)
