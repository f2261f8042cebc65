"""The Step-1 block against the official module's numbers, at three tiny shapes with random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from vectors import Golden, shape_of

from roundelay.errors import BadInput
from roundelay.shape import Shape

torch = pytest.importorskip("torch", reason="the model is of the train extra")
pytest.importorskip("safetensors", reason="safetensors is of the train extra")

from roundelay.voice.lm.checkpoint import load  # noqa: E402
from roundelay.voice.lm.model import Step1, distance_bias, slopes  # noqa: E402

TOLERANCE = 1.5e-5  # absolute, on logits of about 4: the golden README
SHAPES = ["lm_a_pow2", "lm_b_h6g1", "lm_c_h12g6"]
FULL = ["T1", "T17", "T128", "batch2_T17"]


@pytest.fixture(scope="module", params=SHAPES)
def case(request: pytest.FixtureRequest, golden: Callable[[str], Golden], shared: Path) -> Iterator[tuple]:
    vectors = golden(f"{request.param}_io")
    weights = shared / "golden" / f"{request.param}_weights.safetensors"
    with torch.inference_mode():
        yield load(weights, shape_of(vectors.config)), vectors


def error(ours: object, theirs: np.ndarray) -> float:
    return float((ours - torch.from_numpy(theirs.copy())).abs().max())  # type: ignore[operator]


@pytest.mark.parametrize("name", FULL)
def test_full_forward_gives_the_official_logits(case: tuple[Step1, Golden], name: str) -> None:
    model, golden = case
    ours = model(torch.from_numpy(golden[f"in.ids_{name}"].copy()))
    assert error(ours, golden[f"out.logits_{name}"]) < TOLERANCE
    best = ours.topk(2).values
    clear = (best[..., 0] - best[..., 1]) > 1e-3
    theirs = torch.from_numpy(golden[f"out.logits_{name}"].copy())
    assert (ours.argmax(-1) == theirs.argmax(-1))[clear].all()


def test_residual_stream_and_bias(case: tuple[Step1, Golden]) -> None:
    model, golden = case
    stream = model.stream(torch.from_numpy(golden["in.ids_T17"].copy()))
    assert len(stream) == model.shape.layers + 1
    for index, ours in enumerate(stream):
        assert error(ours, golden[f"out.hidden_T17_{index}"]) < TOLERANCE
    bias = distance_bias(model.slopes_H, torch.arange(9)[None], 9)
    theirs = golden["out.alibi_bias_T9"]
    assert np.array_equal(np.isinf(bias.numpy()), np.isinf(theirs))
    assert np.allclose(bias.numpy(), theirs, rtol=1e-5, atol=1e-7)
    assert np.allclose(model.slopes_H.numpy(), golden["out.slopes"], rtol=1e-5)


@pytest.mark.parametrize("tokens", [17, 128])
def test_single_steps_after_a_prefill(case: tuple[Step1, Golden], tokens: int) -> None:
    model, golden = case
    ids = torch.from_numpy(golden[f"in.ids_T{tokens}"].copy())
    state = model.state(capacity=tokens)
    model(ids[:, : tokens - 8], state)
    ours = torch.cat([model(ids[:, t : t + 1], state) for t in range(tokens - 8, tokens)], 1)
    assert error(ours, golden[f"out.logits_incremental_last8_T{tokens}"]) < TOLERANCE


def test_chunks_then_steps(case: tuple[Step1, Golden]) -> None:
    model, golden = case
    ids = torch.from_numpy(golden["in.ids_T128"].copy())
    state = model.state(capacity=128)
    pieces = [model(piece, state) for piece in ids.split([50, 70, *[1] * 8], 1)]
    assert error(torch.cat(pieces, 1)[:, -16:], golden["out.logits_chunked_tail16_T128"]) < TOLERANCE


def test_loss(case: tuple[Step1, Golden]) -> None:
    model, golden = case
    ids = torch.from_numpy(golden["in.ids_T128"].copy())
    loss = torch.nn.functional.cross_entropy(model(ids)[0, :-1], ids[0, 1:])
    assert abs(float(loss) - float(golden["out.loss_T128"][0])) < TOLERANCE


def test_slopes_of_any_number_of_heads(golden: Callable[[str], Golden]) -> None:
    table = golden("lm_slope_table")
    for heads in table.config["heads"]:
        assert np.allclose(slopes(heads), table[f"slopes_{heads}"], rtol=1e-5)


def test_a_checkpoint_of_another_shape_is_one_line(shared: Path) -> None:
    with pytest.raises(BadInput, match="of another shape") as refused:
        load(shared / "golden" / "lm_a_pow2_weights.safetensors", Shape(96, 256, 2, 8, 2, 16, 512, 512))
    assert "\n" not in str(refused.value)


def test_the_embedded_engine_gives_the_official_logits(case: tuple[Step1, Golden]) -> None:
    pytest.importorskip("onnx", reason="exporting needs the train extra")
    from roundelay.train.lm.export import to_onnx
    from roundelay.voice.lm.onnx_engine import OnnxEngine

    model, golden = case
    with torch.inference_mode(False):
        engine = OnnxEngine(to_onnx(model, "fp32"))
    ids, session = golden["in.ids_T128"][0].tolist(), engine.open()
    ours = [engine.prefill(session, ids[:121]), *(engine.step(session, token) for token in ids[121:])]
    assert np.abs(np.stack(ours) - golden["out.logits_incremental_last8_T128"][0]).max() < TOLERANCE
