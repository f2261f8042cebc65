"""The codec's training at toy size: stages run, resumed runs repeat losses, exports agree with torch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("onnx", reason="export needs the train extra")
soundfile = pytest.importorskip("soundfile")

from roundelay.errors import BadInput  # noqa: E402
from roundelay.train import stage  # noqa: E402
from roundelay.train.codec import inputs, recipe, stages, tokenizer_stage  # noqa: E402
from roundelay.train.codec.augment import noise_only, random_channel, vtlp  # noqa: E402
from roundelay.train.codec.blocks import Stack, pair, unpair  # noqa: E402
from roundelay.train.codec.data import open_corpora, speech_gain  # noqa: E402
from roundelay.train.codec.recognizer_stage import jitter_digits  # noqa: E402
from roundelay.train.codec.tokenizer import Quantiser  # noqa: E402
from roundelay.train.codec.vocoder import synthesise  # noqa: E402
from roundelay.train.loop import Plan, fit  # noqa: E402
from roundelay.train.recipe import read_recipe  # noqa: E402
from roundelay.voice.audio import Audio  # noqa: E402
from roundelay.voice.decoder.stream import Decoder  # noqa: E402
from roundelay.voice.decoder.vocoder import SourceState, filter_source  # noqa: E402
from roundelay.voice.tokenizer.dual import Tokenizer  # noqa: E402
from roundelay.voice.tokenizer.frontend import SILENCE  # noqa: E402
from roundelay.voice.tokenizer.fsq import LINGUISTIC  # noqa: E402
from roundelay.voice.tokenizer.phone_recognizer import PhoneRecognizer  # noqa: E402

TINY = Path(__file__).resolve().parents[2] / "configs"


def toy_corpus(folder: Path) -> Path:
    """Nine utterances of two teachers: tones that change pitch, with text and phones."""
    rng = np.random.default_rng(5)
    (folder / "shards").mkdir(parents=True)
    lines, sound = [], []
    for at in range(9):
        count = int(rng.integers(12_000, 26_000))
        pitch = rng.uniform(90, 240) * (1 + 0.1 * np.sin(np.arange(count) / 4000))
        phase = 2 * np.pi * np.cumsum(pitch) / 16_000
        wave = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 9)) + 0.01 * rng.standard_normal(count)
        offset = sum(map(len, sound))
        engine = "flite" if at % 2 else "espeak"
        lines.append(
            {
                "id": f"u{at}",
                "text": ["a dog", "it's late", "no"][at % 3],
                "speaker": f"{engine}-{at % 4}",
                "engine": engine,
                "split": "dev" if at == 7 else "test" if at == 8 else "train",
                "shard": "shards/00000.flac",
                "offset": offset,
                "samples": count,
                "phones": [["ax", 0.0, 0.3], ["d", 0.3, 0.6]] if at % 2 else None,
            }
        )
        sound.append(wave)
    soundfile.write(folder / "shards/00000.flac", np.concatenate(sound), 16_000)
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def toy_recipe() -> recipe.CodecRecipe:
    small = {"width": 24, "expansion": 2, "dilations": [1, 2]}
    tokenizer = {
        "steps": 4,
        "rate": 1e-3,
        "batch_s": 4.0,
        "longest_s": 5.0,
        "regressed": 2,
        "stretched": 0.5,
        "codes_from": 1,
        "understood_from": 2,
        **small,
    }
    tokenizer |= {"reader_width": 16, "reader_dilations": [1], "prior_width": 16, "prior_dilations": [1]}
    tokenizer |= {"speaker_width": 16, "speaker_dilations": [1]}
    crops = {"steps": 4, "rate": 1e-3, "batch": 2, "crop_s": 0.8, **small}
    shares = {"flite": 0.5, "espeak": 0.5}
    refine = {name: tokenizer[name] for name in ("rate", "batch_s", "longest_s", "regressed", "stretched")} | {
        "steps": 2
    }
    recognizer = {
        "steps": 3,
        "rate": 1e-3,
        "batch_s": 4.0,
        "longest_s": 5.0,
        "stretched": 0.5,
        "jitter": 0.1,
        "width": 16,
        "dilations": (1, 2),
    }
    prior = {"steps": 2, "rate": 1e-3, "cooldown": 1.0, "batch": 2, "groups": 6}
    flow = {"steps": 4, "rate": 1e-3, "batch": 2, "groups": 6, **small}
    return recipe.CodecRecipe(1, "cpu", 1, shares, shares, tokenizer, refine, recognizer, prior, flow, crops)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> inputs.CodecRun:
    torch.set_num_threads(1)
    pytest.importorskip("pyworld", reason="the pitch tracks need the train extra")
    pytest.importorskip("pystoi", reason="the vocoder's check needs the eval extra")
    folder = tmp_path_factory.mktemp("toy")
    run = stage.Run(toy_recipe(), (toy_corpus(folder / "corpus"),), folder / "out", folder / "weights")
    stage.run_stages(stages.STAGES, "all", run)
    return run


def losses(path: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def test_every_stage_runs_and_the_package_opens(trained):
    sound = Audio(0.1 * np.random.default_rng(0).standard_normal(20_000).clip(-3, 3).astype(np.float32), 16_000)
    tokens = Tokenizer.load(trained.weights).encode(sound)
    assert tokens.groups == 11
    assert len(Decoder.load(trained.weights).decode(tokens).samples) == 11 * 1920
    assert len(PhoneRecognizer.load(trained.weights).phones_by_codebook(tokens)) == 3
    assert PhoneRecognizer.load(trained.weights).recognize(tokens).shape == (6 * 11, 40)
    for name in ("tokenizer", "refine", "recognizer", "prior", "flow", "vocoder"):
        assert losses(trained.out / f"{name}.metrics.jsonl")


def test_the_exported_tokenizer_is_the_trained_one(trained):
    model = inputs.load_teacher(trained)
    from roundelay.train.codec.tokenizer import with_margins
    from roundelay.voice.tokenizer.frontend import log_mel, normal

    wave = 0.1 * np.random.default_rng(2).standard_normal(19_200).clip(-3, 3).astype(np.float32)
    with torch.no_grad():
        linguistic, *_ = model.trunk(with_margins(torch.from_numpy(normal(log_mel(wave)))[None]), drop=1)
    codes, _ = Tokenizer.load(trained.weights).encode(Audio(wave, 16_000)).split()
    same = (LINGUISTIC.codes(linguistic[0].numpy()) == codes).mean()
    assert same > 0.8  # weights are stored in half precision: a value on the edge between two levels may turn


def test_a_resumed_run_gives_the_same_losses(trained, tmp_path):
    first = losses(trained.out / "tokenizer.metrics.jsonl")
    table = trained.recipe.tokenizer | {"steps": 2}
    cut = replace(trained, out=tmp_path, recipe=replace(trained.recipe, tokenizer=table))
    original = stage.fit

    def every_step(*args, **kwargs):
        plan = replace(args[3], report=1, steps=4)
        return original(*args[:3], replace(plan, minutes=None), *args[4:], **kwargs)

    def two_steps(name, model, step_loss, plan, out, check=None):
        calls = []

        def counted(step):
            calls.append(step)
            if len(calls) > 2:
                raise KeyboardInterrupt
            return step_loss(step)

        fit(name, model, counted, replace(plan, report=1, steps=4, save_minutes=0.0), out, None)

    try:
        stage.fit = two_steps
        with pytest.raises(KeyboardInterrupt):
            tokenizer_stage.TOKENIZER.run(cut)
        stage.fit = every_step
        assert tokenizer_stage.TOKENIZER.run(cut).finished
    finally:
        stage.fit = original
    again = losses(tmp_path / "tokenizer.metrics.jsonl")
    assert sorted(again) == [1, 2, 3, 4]
    assert np.mean(list(again.values())) == pytest.approx(first[4], abs=1e-4)


def test_a_loss_that_is_not_finite_is_skipped_then_fatal(tmp_path):
    model = torch.nn.Linear(2, 1)
    plan = Plan(steps=30, rate=1e-2)

    def loss(step):
        value = model(torch.ones(1, 2)).sum() * (float("nan") if step != 0 else 1.0)
        return {"loss": value}

    with pytest.raises(RuntimeError, match="finite"):
        fit("bad", model, loss, plan, tmp_path)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_a_stack_streams():
    torch.manual_seed(0)
    stack = Stack(12, 2, (1, 3, 2), condition=4).eval()
    x, voice = torch.randn(1, 50, 12), torch.randn(1, 4)
    whole, _ = stack(x, None, voice)
    cache, parts = stack.empty(), []
    for piece in x.split([1, 9, 30, 10], 1):
        made, cache = stack(piece, cache, voice)
        parts.append(made)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)


def test_pairs_come_apart_again():
    x = torch.randn(2, 6, 5)
    torch.testing.assert_close(unpair(pair(x, 3), 3), x)


def test_a_quantiser_uses_its_codes_even_where_its_input_hardly_moves():
    torch.manual_seed(0)
    head = Quantiser(16, LINGUISTIC, 16).train()
    values, _ = head(3 + 0.01 * torch.randn(1, 4000, 16), torch.ones(1, 4000))
    used = len(np.unique(LINGUISTIC.codes(values[0].detach().numpy())))
    assert used > 0.4 * LINGUISTIC.size  # without the normalisation: one


def test_torch_and_numpy_synthesise_alike():
    rng = np.random.default_rng(0)
    gains, logits = rng.normal(-2, 0.5, (1, 30, 963)), rng.normal(0, 3, (30, 100))
    state = SourceState()
    made = filter_source(state, gains[0], logits)
    from roundelay.voice.decoder.source import pitch_of, pulses

    f0 = pitch_of(logits)[None]
    train, _ = pulses(f0, f0[:, 0], np.zeros(1))
    noise = SourceState().rng.standard_normal(train.shape[1], dtype=np.float32)[None]
    sources = [torch.from_numpy(np.pad(line, ((0, 0), (480, 0)))) for line in (train, noise)]
    other = synthesise(torch.from_numpy(gains).float(), *sources)[0, : len(made)]
    np.testing.assert_allclose(other.numpy(), made, atol=1e-4)


def test_augmentations_keep_shape_and_floor():
    rng = np.random.default_rng(0)
    mel = np.maximum(rng.normal(-4, 2, (90, 80)), SILENCE).astype(np.float32)
    for _ in range(50):
        for made in (random_channel(mel, rng), vtlp(mel, rng), noise_only(90, rng)):
            assert made.shape == mel.shape and np.isfinite(made).all() and made.min() >= SILENCE - 1e-4


def test_the_corpus_is_cached_and_level(trained):
    data = open_corpora(trained.corpora, trained.out / "cache")
    assert len(data.items) == 9
    for item in data.items:
        assert len(data.mel(item)) == item.frames
        assert speech_gain(data.wave(item)) == pytest.approx(1, rel=0.02)


def test_speech_gain_leaves_silence_alone():
    assert speech_gain(np.zeros(3200, np.float32)) == 1.0


@pytest.mark.parametrize("size", recipe.SIZES)
def test_the_recipes_can_be_read_and_built(size):
    shipped = read_recipe(recipe.CodecRecipe, TINY / f"codec-{size}.toml")
    run = stage.Run(replace(shipped, device="cpu"), (), Path("."), Path("."))
    assert sum(p.numel() for p in inputs.untrained_tokenizer(run).trunk.parameters()) > 2_000_000


def test_wrong_recipes_and_corpora_are_one_clear_line(tmp_path):
    bad = tmp_path / "bad.toml"
    for text, word in (("seed = ", "cannot be read"), ("seed = 1\n", "incomplete"), ("sed = 1\n", "unknown")):
        bad.write_text(text)
        with pytest.raises(BadInput, match=word):
            read_recipe(recipe.CodecRecipe, bad)
    with pytest.raises(BadInput, match=r"manifest\.jsonl"):
        open_corpora([tmp_path], tmp_path)
    with pytest.raises(BadInput, match="run --stage tokenizer"):
        inputs.load_teacher(stage.Run(toy_recipe(), (), tmp_path, tmp_path))


def test_jittered_digits_are_those_of_neighbouring_codes() -> None:
    values = torch.from_numpy(LINGUISTIC.values(np.arange(LINGUISTIC.size)))
    moved = jitter_digits(values, 0.3)
    levels = lambda digits: torch.round((digits + 1) * 1.5)  # noqa: E731
    apart = (levels(moved) - levels(values)).abs()
    assert apart.max() == 1 and 0.1 < float((apart > 0).float().mean()) < 0.3  # an end has one neighbour only
    assert np.all(LINGUISTIC.codes(moved.numpy()) < LINGUISTIC.size) and torch.equal(jitter_digits(values, 0.0), values)
