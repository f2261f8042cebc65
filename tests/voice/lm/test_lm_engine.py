"""Engines: ONNX equals torch, a reused beginning a fresh one; sessions are apart, cancelling leaves them whole."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.shape import Shape

torch = pytest.importorskip("torch", reason="exporting a model to run needs the train extra")
pytest.importorskip("onnx", reason="exporting a model to run needs the train extra")

from roundelay.train.lm.export import to_onnx  # noqa: E402
from roundelay.voice.lm.engine import PREFILL_TOKENS, Engine, generate  # noqa: E402
from roundelay.voice.lm.model import Step1  # noqa: E402
from roundelay.voice.lm.onnx_engine import GROWTH, OnnxEngine  # noqa: E402
from roundelay.voice.lm.sampling import Sampler, Sampling  # noqa: E402
from roundelay.voice.lm.torch_engine import TorchEngine  # noqa: E402

SHAPE = Shape(hidden=48, ffn=80, layers=2, heads=6, kv_groups=2, head_dim=8, vocab=100, max_length=600)
CLOSE = 1e-5
IDS = np.random.default_rng(0).integers(0, SHAPE.vocab, 400).tolist()


@pytest.fixture(scope="module")
def model() -> Step1:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    return Step1(SHAPE).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def graphs(model: Step1) -> dict[str, bytes]:
    return {precision: to_onnx(model, precision) for precision in ("fp32", "int8")}


@pytest.fixture(scope="module", params=["torch", "fp32", "int8"])
def engine(request: pytest.FixtureRequest, model: Step1, graphs: dict[str, bytes]) -> Engine[Any]:
    return TorchEngine(model) if request.param == "torch" else OnnxEngine(graphs[request.param])


def close(engine: Engine[Any]) -> float:
    """Activations are quantised by piece, so in int8 a cut elsewhere is another rounding."""
    return 0.03 if isinstance(engine, OnnxEngine) and engine.precision == "int8" else CLOSE


def fresh(engine: Engine[Any], ids: list[int]) -> np.ndarray:
    logits = engine.prefill(engine.open(), ids)
    assert logits is not None
    return logits


@pytest.mark.parametrize("count", [1, 2, PREFILL_TOKENS, PREFILL_TOKENS + 1, GROWTH, GROWTH + 1, 400])
def test_onnx_logits_equal_torch(model: Step1, graphs: dict[str, bytes], count: int) -> None:
    theirs = model(torch.tensor([IDS[:count]]))[0, -1].numpy()
    assert np.abs(fresh(OnnxEngine(graphs["fp32"]), IDS[:count]) - theirs).max() < CLOSE
    assert np.abs(fresh(OnnxEngine(graphs["int8"]), IDS[:count]) - theirs).max() < 0.02 * np.abs(theirs).max()


def test_export_takes_half_precision_and_leaves_the_model_as_it_is(model: Step1) -> None:
    half = copy.deepcopy(model).to(torch.bfloat16)
    engine = OnnxEngine(to_onnx(half, "fp32"))
    assert half.lm_head.weight.dtype == torch.bfloat16
    expected = half.float()(torch.tensor([IDS[:20]]))[0, -1].numpy()
    assert np.abs(fresh(engine, IDS[:20]) - expected).max() < CLOSE


def test_steps_equal_a_prefill(engine: Engine[Any]) -> None:
    session = engine.open()
    engine.prefill(session, IDS[:250])
    for token in IDS[250:270]:
        logits = engine.step(session, token)
    assert session.ids == IDS[:270]
    assert np.abs(logits - fresh(engine, IDS[:270])).max() < close(engine)


@pytest.mark.parametrize("shared", [0, 1, 70, 299, 300])
def test_a_reused_beginning_equals_a_fresh_prefill(engine: Engine[Any], shared: int) -> None:
    session = engine.open()
    engine.prefill(session, IDS[:300])
    other = IDS[:shared] + [(i + 1) % SHAPE.vocab for i in IDS[shared:320]]
    for ids in (other, other[:30], IDS[:300]):
        logits = engine.prefill(session, ids)
        assert logits is not None and session.ids == ids
        assert np.abs(logits - fresh(engine, ids)).max() < close(engine)


def test_a_reused_beginning_is_not_computed_again(graphs: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = OnnxEngine(graphs["fp32"])
    fed: list[int] = []
    real = engine._feed
    monkeypatch.setattr(engine, "_feed", lambda memory, start, ids: fed.append(len(ids)) or real(memory, start, ids))
    session = engine.open()
    engine.prefill(session, IDS[:200])
    fed.clear()
    engine.prefill(session, IDS[:210])
    assert sum(fed) == 10


def test_sessions_and_forks_do_not_disturb_each_other(engine: Engine[Any]) -> None:
    first = engine.open()
    engine.prefill(first, IDS[:50])
    second, third = engine.fork(first), engine.open()
    engine.prefill(third, IDS[100:130])
    for a, b, c in zip(IDS[200:210], IDS[300:310], IDS[150:160], strict=True):
        logits = [engine.step(first, a), engine.step(second, b), engine.step(third, c)]
    for ours, ids in zip(
        logits, (IDS[:50] + IDS[200:210], IDS[:50] + IDS[300:310], IDS[100:130] + IDS[150:160]), strict=True
    ):
        assert np.abs(ours - fresh(engine, ids)).max() < close(engine)


def test_threads_may_share_an_engine(engine: Engine[Any]) -> None:
    results: dict[int, list[int]] = {}

    def talk(seed: int) -> None:
        results[seed] = list(generate(engine, engine.open(), IDS[seed : seed + 40], Sampler(seed=seed), limit=20))

    threads = [threading.Thread(target=talk, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = dict(results)
    for seed in range(4):
        talk(seed)
    assert together == results


@pytest.mark.parametrize("after", [0, 1, 7])
def test_cancelling_stops_between_tokens_and_leaves_the_session_whole(engine: Engine[Any], after: int) -> None:
    session: Any = engine.open()
    said: list[int] = []
    said.extend(generate(engine, session, IDS[:20], Sampler(seed=1), limit=50, cancelled=lambda: len(said) >= after))
    assert len(said) == after
    held = IDS[:20] + said[: max(after - 1, 0)]
    assert session.ids == (held if after else [])
    logits = engine.prefill(session, IDS[:20] + said + IDS[30:35])
    assert logits is not None
    assert np.abs(logits - fresh(engine, IDS[:20] + said + IDS[30:35])).max() < close(engine)


def test_cancelling_a_long_prefill(engine: Engine[Any]) -> None:
    session, asked = engine.open(), []
    assert engine.prefill(session, IDS, lambda: asked.append(1) or len(asked) > 2) is None
    assert session.ids == IDS[: 2 * PREFILL_TOKENS]
    logits = engine.prefill(session, IDS)
    assert logits is not None and np.abs(logits - fresh(engine, IDS)).max() < close(engine)


def test_generation_ends_at_an_end_and_at_the_limit(engine: Engine[Any]) -> None:
    greedy = Sampling(temperature=0)
    said = list(generate(engine, engine.open(), IDS[:9], Sampler(greedy), limit=12))
    assert len(said) == 12
    until = list(generate(engine, engine.open(), IDS[:9], Sampler(greedy), limit=12, ends={said[5]}))
    assert until == said[: said.index(said[5])]


def test_what_is_refused_changes_nothing(engine: Engine[Any]) -> None:
    session = engine.open()
    engine.prefill(session, IDS[:5])
    for ids, message in (([], "no tokens"), ([100], "must be 0 to 99"), ([-1], "must be"), ([1] * 601, "limit of 600")):
        with pytest.raises(BadInput, match=message):
            engine.prefill(session, ids)
    with pytest.raises(BadInput, match="must be 0 to 99"):
        engine.step(session, 100)
    assert session.ids == IDS[:5]


def test_a_session_may_be_filled_to_its_limit(engine: Engine[Any]) -> None:
    session = engine.open()
    engine.prefill(session, [1] * 599)
    engine.step(session, 2)
    with pytest.raises(BadInput, match="601 tokens: is over the limit of 600"):
        engine.step(session, 2)


def test_a_file_that_is_no_model_is_one_line(graphs: dict[str, bytes], tmp_path: Any) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        OnnxEngine(tmp_path / "absent.onnx")
    with pytest.raises(BadInput, match="damaged"):
        OnnxEngine(graphs["fp32"][:1000])
    with pytest.raises(BadInput, match="unknown; known: fp32, int8"):
        to_onnx(Step1(SHAPE), "int4")


def test_the_embedded_engine_never_loads_torch() -> None:
    code = "import sys, roundelay.voice.lm.onnx_engine, roundelay.voice.lm.prompt; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
