"""Does composing codes from their digits pay? `python results/lm/composed/run.py --corpus DIR … --tokens OUT/tokens`.

Two models of the shipped shape, same seed, same batches, with and without composed codes; the cross-entropy of codes in
speaking, on dev utterances of the voices. Writes numbers.json and README.md beside itself.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from roundelay.console import progress
from roundelay.shape import Shape
from roundelay.train.lm.corpus import open_corpora
from roundelay.train.lm.examples import synthesis
from roundelay.train.lm.model import Learner, batch_of, losses
from roundelay.train.lm.tasks import Mix
from roundelay.voice.engines.nano.vocabulary import VOICES

HERE = Path(__file__).parent
CPU = torch.device("cpu")
WATCHED, RATE, WARMUP = 24, 2e-3, 40


def trained(mix: Mix, dev: list, composed: bool, steps: int, ids: int) -> dict[str, float]:
    """Dev cross-entropy, in nats, of codes and of phones after `steps`."""
    torch.manual_seed(0)
    learner = Learner(Shape.preset("nano"), composed)
    adam = torch.optim.AdamW(learner.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.05)
    started = time.process_time()
    for step in progress(range(steps), "composed" if composed else "plain", steps):
        for group in adam.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARMUP, max(0.02, 2 * (steps - step) / steps))
        loss = losses(learner, [batch_of(examples, CPU) for examples in mix.draw(step, ids)])["loss"]
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        adam.step()
    taken = time.process_time() - started
    learner.eval()
    with torch.no_grad():
        found = losses(learner, [batch_of([synthesis(one)], CPU) for one in dev])
    return {"codes": float(found["sounded"]), "phones": float(found["thought"]), "cpu_s": taken}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", required=True, help="built from configs/data-say.toml")
    parser.add_argument("--tokens", type=Path, required=True, help="where token corpora are kept")
    parser.add_argument("--tokenizer", type=Path, help="codec weights other than the package's")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--ids", type=int, default=2500)
    given = parser.parse_args()
    torch.set_num_threads(1)
    said = open_corpora(given.corpus, given.tokens, given.tokenizer)
    dev = [one for one in said if one.split == "dev" and one.voice in VOICES and one.groups < 60]
    dev = dev[:: max(1, len(dev) // WATCHED)][:WATCHED]
    mix = Mix(said, {"speak": 1.0}, {"flite": 0.5, "festival": 0.5}, 1)
    numbers = {name: trained(mix, dev, name == "composed", given.steps, given.ids) for name in ("plain", "composed")}
    (HERE / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    gain = numbers["plain"]["codes"] - numbers["composed"]["codes"]
    verdict = f"it pays: {gain:.2f} nats a code" if gain > 0.02 else f"it does not pay ({gain:+.2f} nats a code)"
    rows = "".join(
        f"| {name} | {one['codes']:.3f} | {one['phones']:.3f} | {one['cpu_s']:.0f} |\n" for name, one in numbers.items()
    )
    (HERE / "README.md").write_text(
        "# Composed codes: the ablation\n\n"
        f"The shipped shape, same seed and batches, {given.steps} steps of about {given.ids} ids of speaking; cross-entropy on\n"
        f"{len(dev)} dev utterances, nats. **Verdict:** {verdict}. Command: `run.py` (its docstring); a short run, so it says what\n"
        "composing is worth early in training, not at its end.\n\n"
        "| codes of embedding and head | codes | phones | CPU s |\n|---|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    main()
