"""Loss curves of the packaged weights: `python results/codec/loss/plot.py OUT` reads OUT/*.metrics.jsonl.

Writes a CSV per stage and one picture beside this file. The same seed gives the same curves again.
"""

import sys
from pathlib import Path

from roundelay.train import loss_curves

HERE = Path(__file__).parent
STAGES = {
    "tokenizer": ("hint", "people", "phone02", "phone06", "mel", "understood"),
    "refine": ("hint", "people", "phone02", "phone06", "mel", "understood"),
    "recognizer": ("ctc", "timed"),
    "prior": ("mel", "heard", "missed"),
    "flow": ("loss",),
    "vocoder": ("spectra", "mel"),
}

lines = loss_curves.collect(Path(sys.argv[1]), HERE, list(STAGES))
loss_curves.figure(lines, STAGES).savefig(HERE / "loss.png", dpi=110)
