"""Two short trainings, the same but that codes are composed from their digits or not: one seed, one set of batches."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from roundelay.console import progress
from roundelay.shape import Shape
from roundelay.train.lm.corpus import TokenizedUtterance
from roundelay.train.lm.examples import synthesis
from roundelay.train.lm.model import Learner, batch_of, losses
from roundelay.train.lm.tasks import Mix
from roundelay.voice.engines.nano.vocabulary import VOICES

CPU = torch.device("cpu")
WATCHED, RATE, WARMUP = 24, 2e-3, 40
LONGEST_GROUPS = 60  # of a dev utterance


def watched(said: Sequence[TokenizedUtterance]) -> list[TokenizedUtterance]:
    """A few short dev utterances of the built-in voices."""
    dev = [one for one in said if one.split == "dev" and one.voice in VOICES and one.groups < LONGEST_GROUPS]
    return dev[:: max(1, len(dev) // WATCHED)][:WATCHED]


def dev_loss(mix: Mix, dev: Sequence[TokenizedUtterance], composed: bool, steps: int, ids: int) -> dict[str, float]:
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
        examples = [synthesis(one) for one in dev]
        found = losses(learner, [batch_of([one], CPU) for one in examples if one is not None])
    return {"codes": float(found["sounded"]), "phones": float(found["thought"]), "cpu_s": taken}


def compare(
    said: Sequence[TokenizedUtterance], dev: Sequence[TokenizedUtterance], steps: int, ids: int
) -> dict[str, dict[str, float]]:
    """The dev losses and CPU seconds with plain and with composed codes."""
    mix = Mix(said, {"speak": 1.0}, {"flite": 0.5, "festival": 0.5}, 1)
    return {name: dev_loss(mix, dev, name == "composed", steps, ids) for name in ("plain", "composed")}
