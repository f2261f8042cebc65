"""Tokens and a voice to mel frames: a regressed prior, then four Euler steps of a flow that adds the detail.

Both networks are causal except for 40 ms and 20 ms of look-ahead; every Euler step has a state of its own (ours;
Step-Audio's flow takes ten steps with guidance and does not stream in its first version).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from roundelay.voice.graphs import Graph
from roundelay.voice.tokenizer import frontend
from roundelay.voice.tokenizer.fsq import GROUP_VALUES, LINGUISTIC, SEMANTIC
from roundelay.voice.tokens import Tokens

STEPS = 4  # Euler steps; ten are not better
PRIOR_AHEAD, FLOW_AHEAD = 2, 1  # 20 ms steps; must equal the trained networks'
RESIDUAL = 0.35  # scale of the residual in normalised mel; must equal the trained network's
TEMPERATURE = 0.3  # standard deviation of the flow's initial noise; results/codec compares others
PAIR = 2 * frontend.BANDS
SEED = 4_096


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the flow is solved: Euler steps (0: the prior alone), the standard deviation of the noise it starts from."""

    steps: int = STEPS
    temperature: float = TEMPERATURE


DEFAULT_SAMPLING = Sampling()


@dataclass(slots=True)
class FlowState:
    """The state of one stream: the prior's memory, its last frames, and one memory per Euler step."""

    prior: np.ndarray
    steps: list[np.ndarray]
    temperature: float = TEMPERATURE
    waiting: np.ndarray = field(default_factory=lambda: np.zeros((0, PAIR), np.float32))
    early: int = PRIOR_AHEAD
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))


def opening(prior: Graph, flow: Graph, sampling: Sampling = DEFAULT_SAMPLING) -> FlowState:
    """The state of a new stream."""
    return FlowState(prior.zeros("cache"), [flow.zeros("cache") for _ in range(sampling.steps)], sampling.temperature)


def group_values(tokens: Tokens) -> np.ndarray:
    """Digit values float32 [G, 28]: two linguistic codes, then three semantic ones."""
    parts = [
        book.values(codes).reshape(tokens.groups, book.per_group * book.digits)
        for book, codes in zip((LINGUISTIC, SEMANTIC), tokens.split(), strict=True)
    ]
    return np.concatenate(parts, 1)


def frames(state: FlowState, prior: Graph, flow: Graph, tokens: Tokens | None, voice: np.ndarray) -> np.ndarray:
    """Log-mel frames float32 [T, 80] that these tokens complete; `None` ends the stream and returns the last ones."""
    values = np.zeros((1, GROUP_VALUES), np.float32) if tokens is None else group_values(tokens)
    if not len(values):
        return np.zeros((0, frontend.BANDS), np.float32)
    steps, state.prior = prior(groups=values[None], speaker=voice[None], cache=state.prior)
    skip = min(state.early, len(steps[0]))
    state.early -= skip
    line = np.concatenate([state.waiting, steps[0, skip:]])
    if tokens is None:
        line = line[: len(state.waiting) + PRIOR_AHEAD + FLOW_AHEAD]
    ready = max(0, len(line) - FLOW_AHEAD)
    state.waiting = line[ready:]
    if not ready:
        return np.zeros((0, frontend.BANDS), np.float32)
    condition = np.concatenate([line[:ready], line[FLOW_AHEAD : ready + FLOW_AHEAD]], 1)
    x = state.rng.standard_normal((ready, PAIR), dtype=np.float32) * state.temperature
    count = len(state.steps)
    for at in range(count):
        time = np.full(1, at / count, np.float32)
        velocity, state.steps[at] = flow(
            x=x[None], condition=condition[None], speaker=voice[None], time=time, cache=state.steps[at]
        )
        x = x + velocity[0] / count
    mel = (line[:ready] + RESIDUAL * x).reshape(-1, frontend.BANDS)
    return np.maximum(mel * frontend.SCALE + frontend.MEAN, frontend.SILENCE)
