"""Laws of the model's memory: chunks equal the whole, rows do not see each other, padding is never heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from roundelay.errors import BadInput, WouldOverwrite
from roundelay.shape import Shape

torch = pytest.importorskip("torch", reason="the model is of the train extra")

from roundelay.voice.lm.model import Step1  # noqa: E402

SHAPE = Shape(hidden=48, ffn=80, layers=3, heads=6, kv_groups=2, head_dim=8, vocab=100, max_length=64)
CLOSE = 1e-5  # round-off on logits of about one


@pytest.fixture(scope="module")
def model() -> Step1:
    torch.manual_seed(5)
    return Step1(SHAPE).eval().requires_grad_(False)


def ids(*size: int, seed: int = 1) -> object:
    return torch.randint(SHAPE.vocab, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("cuts", [[1] * 40, [40], [7, 1, 32], [39, 1]])
def test_chunked_prefill_equals_full(model: Step1, cuts: list[int]) -> None:
    whole = ids(2, 40)
    state = model.state(rows=2, capacity=40)
    pieces = torch.cat([model(piece, state) for piece in whole.split(cuts, 1)], 1)
    assert (pieces - model(whole)).abs().max() < CLOSE
    assert state.longest == 40


def test_rows_of_many_lengths_padded_right(model: Step1) -> None:
    """Rows of 3, 11, 1 and 8 tokens, then steps: each row gives what it gives alone, whatever stands in the padding."""
    lengths = [3, 11, 1, 8]
    rows, then = ids(4, 11, seed=2), ids(4, 6, seed=3)
    for row, length in enumerate(lengths):
        rows[row, length:] = 99 - row
    state = model.state(rows=4, capacity=20)
    first = model(rows, state, torch.tensor(lengths))
    steps = torch.cat([model(then[:, t : t + 1], state) for t in range(6)], 1)
    for row, length in enumerate(lengths):
        alone = model(torch.cat([rows[row : row + 1, :length], then[row : row + 1]], 1))[0]
        assert (first[row, :length] - alone[:length]).abs().max() < CLOSE
        assert (steps[row] - alone[length:]).abs().max() < CLOSE


def test_rewinding_forgets(model: Step1) -> None:
    whole, other = ids(1, 20), ids(1, 9, seed=7)
    state = model.state(capacity=30)
    model(whole, state)
    state.rewind(12)
    again = model(other, state)
    fresh = model(torch.cat([whole[:, :12], other], 1))[:, 12:]
    assert (again - fresh).abs().max() < CLOSE


def test_overflow_is_refused_and_changes_nothing(model: Step1) -> None:
    state = model.state(capacity=10)
    model(ids(1, 8), state)
    with pytest.raises(BadInput, match="over the capacity of 10"):
        model(ids(1, 3), state)
    assert state.longest == 8
    model(ids(1, 2), state)


def test_half_precision_keeps_the_answer(model: Step1) -> None:
    """The bias is cast with the weights; bfloat16 has eight bits, so one part in fifty of the largest logit is fair."""
    torch.manual_seed(5)
    half = Step1(SHAPE).to(torch.bfloat16)
    full = model(ids(1, 60))
    assert (half(ids(1, 60)).float() - full).abs().max() < full.abs().max() / 50


def test_gradients_reach_every_weight() -> None:
    model = Step1(SHAPE)
    logits = model(ids(2, 16))
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids(2, 16, seed=4).flatten()).backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in model.parameters())


def test_saved_and_loaded_again(model: Step1, tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="safetensors is of the train extra")
    from roundelay.voice.lm.checkpoint import load, save

    path = tmp_path / "model.safetensors"
    save(model, path)
    assert torch.equal(load(path)(ids(1, 9)), model(ids(1, 9)))
    assert torch.equal(load(tmp_path, dtype=torch.bfloat16).lm_head.weight, model.lm_head.weight.bfloat16())
    with pytest.raises(WouldOverwrite):
        save(model, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match="damaged"):
        load(path)
    with pytest.raises(BadInput, match="no safetensors file"):
        load(tmp_path / "nothing")
