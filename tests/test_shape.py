"""A shape's counts are the built model's, exactly."""

from __future__ import annotations

import dataclasses

import pytest

from roundelay.errors import BadInput
from roundelay.shape import Shape, presets

# parameters and bytes of bf16 cache a token, as published (Step-Audio, arXiv 2502.11946)
PUBLISHED = {"tts-3b": (3_529_706_496, 32_768), "chat-130b": (131_946_590_208, 360_448)}
SMALL = Shape(hidden=48, ffn=80, layers=3, heads=6, kv_groups=2, head_dim=8, vocab=100, max_length=64)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name: str) -> None:
    shape = Shape.preset(name)
    assert (shape.parameters, shape.kv_bytes_per_token()) == PUBLISHED[name]


@pytest.mark.parametrize("name", presets())
def test_the_built_model_has_as_many_parameters(name: str) -> None:
    torch = pytest.importorskip("torch", reason="the model is of the train extra")
    from roundelay.voice.lm.model import Step1

    shape = Shape.preset(name)
    with torch.device("meta"):
        model = Step1(shape)
        state = model.state(rows=1, capacity=4)
    assert sum(each.numel() for each in model.parameters()) == shape.parameters
    assert len(model.state_dict()) == 9 * shape.layers + 3
    cached = state.keys_LBGSD.numel() + state.values_LBGSD.numel()
    assert cached * 2 == 4 * shape.kv_bytes_per_token()


@pytest.mark.parametrize(("tokens", "past"), [(1, 0), (17, 0), (1, 20), (5, 31)])
def test_the_built_model_does_as_many_flops(tokens: int, past: int) -> None:
    torch = pytest.importorskip("torch", reason="the model is of the train extra")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from roundelay.voice.lm.model import Step1

    model = Step1(SMALL).requires_grad_(False)
    state = model.state()
    if past:
        model(torch.zeros(1, past, dtype=torch.long), state)
    # the counter does not know the CPU's fused kernel, so attention is done by plain products
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, tokens, dtype=torch.long), state)
    assert counter.get_total_flops() == SMALL.flops(tokens, past)


def test_causal_flops_are_those_of_single_steps() -> None:
    assert SMALL.flops(9, 4, causal=True) == sum(SMALL.flops(1, past) for past in range(4, 13))
    assert SMALL.training_flops(7) == 3 * SMALL.flops(7)


@pytest.mark.parametrize(
    ("field", "value"), [("layers", 0), ("heads", 5), ("vocab", -1), ("hidden", 1.5), ("ffn", True)]
)
def test_refuses_what_is_no_shape(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=field):
        dataclasses.replace(SMALL, **{field: value})


def test_refuses_an_unknown_preset_and_an_unknown_key() -> None:
    with pytest.raises(BadInput, match="known: chat-130b, nano, tts-3b"):
        Shape.preset("../nano")
    with pytest.raises(BadInput, match="lacks ffn"):
        Shape.from_table({"hidden": 4})
    with pytest.raises(BadInput, match="unknown key experts"):
        Shape.from_table({**dataclasses.asdict(SMALL), "experts": 3})
