"""What the packaged language model hears, answers and says: `python results/lm/run.py --people CORPUS --recordings DIR`.

Needs the teachers (make setup-train) and the eval extra. Writes numbers/ and README.md beside itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, required=True, help="the corpus of people (configs/data-people.toml)")
    parser.add_argument("--recordings", type=Path, required=True, help="the folder of fsdd/ and jfk.flac")
    parser.add_argument("--weights", type=Path, help="a folder of language model weights; by default the package's")
    parser.add_argument("--codec", type=Path, help="a folder of codec weights; by default the package's")
    parser.add_argument("--count", type=int, default=100, help="questions and answers of each set")
    parser.add_argument("--only", nargs="*", help="sections to measure, or report; by default all")
    parser.add_argument("--out", type=Path, default=HERE)
    args = parser.parse_args()

    import report
    import sets
    from sections import SECTIONS, Place

    from roundelay.voice.engines.nano.recognizer import NanoTranscriber
    from roundelay.voice.pipeline import Pipeline

    pipeline = Pipeline.load(settings={"nano": {"folder": args.weights, "codec": args.codec}})
    assert isinstance(pipeline.transcriber, NanoTranscriber)
    place = Place(pipeline.transcriber.weights, pipeline, args.people, args.recordings, args.count)
    for name in args.only or [*SECTIONS, "report"]:
        started = time.monotonic()
        if name == "report":
            (args.out / "README.md").write_text(report.write(args.out / "numbers"))
        else:
            found = SECTIONS[name](place)
            sets.save(args.out / "numbers" / f"{name}.json", found)
            print(name, json.dumps(found), flush=True)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
