"""Does composing codes from their digits pay? `python results/lm/composed/run.py --corpus DIR … --tokens OUT/tokens`.

Two models of the shipped shape, same seed, same batches, with and without composed codes; the cross-entropy of codes in
speaking, on dev utterances of the voices. Writes numbers.json and README.md beside itself.
"""

import argparse
import json
from pathlib import Path

import torch

from roundelay.train.lm.ablation import compare, watched
from roundelay.train.lm.corpus import open_corpora

HERE = Path(__file__).parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--corpus", type=Path, action="append", required=True, help="built from configs/data-say.toml")
parser.add_argument("--tokens", type=Path, required=True, help="where token corpora are kept")
parser.add_argument("--tokenizer", type=Path, help="codec weights other than the package's")
parser.add_argument("--steps", type=int, default=150)
parser.add_argument("--ids", type=int, default=2500)
given = parser.parse_args()
torch.set_num_threads(1)
said = open_corpora(given.corpus, given.tokens, given.tokenizer)
dev = watched(said)
numbers = compare(said, dev, given.steps, given.ids)
(HERE / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
gain = numbers["plain"]["codes"] - numbers["composed"]["codes"]
verdict = f"it pays: {gain:.2f} nats a code" if gain > 0.02 else f"it does not pay ({gain:+.2f} nats a code)"
rows = "".join(
    f"| {name} | {one['codes']:.3f} | {one['phones']:.3f} | {one['cpu_s']:.0f} |\n" for name, one in numbers.items()
)
(HERE / "README.md").write_text(f"""# Composed codes: the ablation

The shipped shape, same seed and batches, {given.steps} steps of about {given.ids} ids of speaking; cross-entropy on
{len(dev)} dev utterances, nats. **Verdict:** {verdict}. Command: `run.py` (its docstring); a short run, so it says what
composing is worth early in training, not at its end.

| codes of embedding and head | codes | phones | CPU s |\n|---|---|---|---|\n{rows}""")
