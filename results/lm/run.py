"""What the packaged language model hears, answers and says: `python results/lm/run.py --people CORPUS --recordings DIR`.

Needs the teachers (make setup-train) and the eval extra. Writes numbers/ and README.md beside itself. A run that is cut
off goes on where it was.
"""

import argparse
from pathlib import Path

from roundelay.voice.eval import judges
from roundelay.voice.eval.report import write_page
from roundelay.voice.eval.suite import Run, print_numbers, run_all
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.suites import speech_page
from roundelay.voice.suites.speech import SpeechSuite

HERE = Path(__file__).parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--people", type=Path, required=True, help="the corpus of people (configs/data-people.toml)")
parser.add_argument("--recordings", type=Path, required=True, help="the folder of fsdd/ and jfk.flac")
parser.add_argument("--weights", type=Path, help="a folder of language model weights; by default the package's")
parser.add_argument("--codec", type=Path, help="a folder of codec weights; by default the package's")
parser.add_argument("--count", type=int, default=100, help="questions and answers of each set")
parser.add_argument("--only", nargs="*", default=[], help="tasks to measure; by default all")
parser.add_argument("--out", type=Path, default=HERE)
args = parser.parse_args()
pipeline = Pipeline.load(settings={"nano": {"folder": args.weights, "codec": args.codec}})
suite = SpeechSuite(pipeline, judges.load_all(), args.people, args.recordings, args.count)
setting = {"weights": str(args.weights), "codec": str(args.codec), "people": str(args.people), "count": args.count}
print_numbers(run_all(suite.tasks(), args.only, Run(args.out, setting)))
write_page(args.out, HERE, speech_page.body)
