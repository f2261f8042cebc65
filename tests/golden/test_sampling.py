"""Sampling against the released processors, and a greedy run on a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from vectors import Golden, shape_of

from roundelay.voice.lm.sampling import CHAT, TTS, Sampler, Sampling, ban_repetition, probabilities

CASES = [f"rep{n}" for n in range(8)] + ["short1", "short5", "short9", "batch"]


@pytest.mark.parametrize("case", CASES)
def test_repetition_rule(golden: Callable[[str], Golden], case: str) -> None:
    vectors = golden("sampling")
    rows = zip(vectors[f"{case}.scores"], vectors[f"{case}.history"], vectors[f"{case}.out"], strict=True)
    for row, (scores, history, out) in enumerate(rows):
        ours = ban_repetition(scores, history.tolist())
        assert np.array_equal(ours, out)
        if case.startswith("rep"):
            assert np.isinf(ours).sum() == vectors[f"{case}.banned"][row]


@pytest.mark.parametrize(("name", "rules"), [("tts", TTS), ("chat", CHAT)])
def test_whole_chain(golden: Callable[[str], Golden], name: str, rules: Sampling) -> None:
    vectors = golden("sampling")
    kept = zip(vectors["chain.scores"], vectors["chain.history"], strict=True)
    for row, (scores, history) in enumerate(kept):
        ours, theirs = rules.scores(scores, history.tolist()), vectors[f"chain.{name}_scores"][row]
        assert np.array_equal(np.isinf(ours), np.isinf(theirs))
        finite = np.isfinite(theirs)
        assert np.abs(ours[finite] - theirs[finite]).max() < 1e-6
        assert np.abs(probabilities(ours) - vectors[f"chain.{name}_probs"][row]).max() < 1e-6


@pytest.mark.parametrize(("repetition", "name"), [(True, "sequence"), (False, "sequence_without_processor")])
def test_greedy_run(golden: Callable[[str], Golden], shared: Path, repetition: bool, name: str) -> None:
    torch = pytest.importorskip("torch", reason="the model is of the train extra")
    pytest.importorskip("safetensors", reason="safetensors is of the train extra")
    from roundelay.voice.lm.checkpoint import load

    vectors, weights = golden("sampling"), golden("lm_b_h6g1_weights")
    model = load(shared / "golden" / "lm_b_h6g1_weights.safetensors", shape_of(weights.config))
    prompt = vectors["greedy.prompt"][0].tolist()
    sampler = Sampler(Sampling(temperature=0, repetition=repetition), history=list(prompt))
    state, new = model.state(), prompt
    for _ in range(64):
        new = [sampler.draw(model(torch.tensor([new]), state)[0, -1].numpy())]
    assert sampler.history == vectors[f"greedy.{name}"][0].tolist()
