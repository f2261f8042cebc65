"""The Kokoro engine: symbols, pieces, files and faults; its real sound where its weights are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.errors import BadInput, MissingCapability, RoundelayError
from roundelay.voice.audio import Audio
from roundelay.voice.engines import guard, registry
from roundelay.voice.engines.kokoro import files, voices
from roundelay.voice.engines.kokoro.files import KokoroFiles
from roundelay.voice.engines.kokoro.graph_output import with_output
from roundelay.voice.engines.kokoro.model import RATE_HZ, KokoroModel
from roundelay.voice.engines.kokoro.pieces import FIRST, GROWTH, MAX_CHARACTERS, pieces
from roundelay.voice.engines.kokoro.symbols import VOCABULARY, from_ipa, token_ids
from roundelay.voice.engines.kokoro.synthesizer import KokoroSynthesizer, _runs
from roundelay.voice.engines.kokoro.trim import trim
from roundelay.voice.interfaces import CallOptions, Utterance
from roundelay.voice.style import Style
from roundelay.voice.text.phonemizer import Phonemizer, espeak_library
from roundelay.voice.text.phrases import phrases
from roundelay.voice.voices import Voice

needs_espeak = pytest.mark.skipif(espeak_library() is None, reason="no espeak-ng here")


class Graph:
    """In place of a session: a tone of 0.1 s a token, between silences; remembers what it was given."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def run(self, outputs: None, given: dict[str, Any]) -> list[np.ndarray]:
        self.calls.append(given)
        tone = 0.3 * np.sin(np.arange(RATE_HZ // 10 * given["tokens"].size) / 9)
        quiet = np.zeros(RATE_HZ // 3)
        return [np.concatenate([quiet, tone, quiet])[None].astype(np.float32)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as kokoro-js lays it out, its model no model, each voice filled with a number of its own."""
    (tmp_path / "voices").mkdir()
    (tmp_path / "model.onnx").write_bytes(b"no model")
    for number, name in enumerate(("af_heart", "am_michael", "bm_george", "ff_siwis", "jf_alpha")):
        np.full((510, 1, 256), number, "<f4").tofile(tmp_path / "voices" / f"{name}.bin")
    return tmp_path


@pytest.fixture
def engine(folder: Path) -> Iterator[KokoroSynthesizer]:
    yield KokoroSynthesizer(
        files.find(str(folder)), KokoroModel(Graph(), ("tokens", "style", "speed"), np.float32), Phonemizer.load()
    )


def calls(engine: KokoroSynthesizer) -> list[dict[str, Any]]:
    return engine.model.session.calls


def test_symbols_are_those_the_model_learnt() -> None:
    assert len(VOCABULARY) == 114 and VOCABULARY[" "] == 16 and VOCABULARY["ᵻ"] == 177
    assert from_ipa("bˈʌɾɚ t^ʃˈɔ^ɪs fˈoː^ɹ bˈʌʔn̩ bˈɜːd hɜːɹ ˈo^ʊ", "en-us") == "bˈʌTəɹ ʧˈYs fˈɔɹ bˈʌtᵊn bˈɜɹd hɜɹ ˈO"
    assert from_ipa("bˈɜːd hˈe^ə ɡˌə^ʊ nˌi^ə", "en-gb") == "bˈɜːd hˈɛː ɡˌQ nˌɪə"
    assert from_ipa("lə (^e^n)wiːkˈɛnd(^f^r) bɔ̃", "fr") == "lə wiːkˈɛnd bɔ̃"
    assert from_ipa("a☃b", "en-us") == "ab" and len(token_ids("a" * 600)) == 510


def test_pieces_hold_every_phrase_and_grow_from_a_short_first_one() -> None:
    text = "Yes, it is. " + "The weather in Paris is fine today, they say, and it will stay so. " * 8 + "word " * 120
    found = pieces(phrases(text))
    said = " ".join(phrase.text for piece in found for phrase in piece.phrases)
    assert said == " ".join(phrase.text for phrase in phrases(text))
    sizes = [sum(len(phrase.text) + 2 for phrase in piece.phrases) for piece in found]
    assert sizes[0] <= FIRST and max(sizes) <= MAX_CHARACTERS + 2
    assert all(b <= max(FIRST, a) * GROWTH + FIRST for a, b in pairwise(sizes) if b < MAX_CHARACTERS)
    assert found[0].phrases[-1].ends_sentence and found[0].pause_s > 0.3


def test_runs_are_never_longer_than_the_model_takes() -> None:
    assert list(_runs(["a" * 300, "b" * 300, "c" * 1100])) == ["a" * 300, "b" * 300, "c" * 510, "c" * 510, "c" * 80]


def test_edges_are_trimmed_and_silence_is_nothing() -> None:
    tone = np.sin(np.arange(RATE_HZ) / 9).astype(np.float32)
    edge = np.zeros(RATE_HZ // 2, np.float32)
    kept = trim(np.concatenate([edge, tone, edge]), RATE_HZ)
    assert len(tone) < len(kept) < 1.1 * len(tone) and kept[0] == kept[-1] == 0
    assert not len(trim(edge, RATE_HZ)) and not len(trim(edge[:3], RATE_HZ))


@needs_espeak
def test_speech_comes_in_pieces_with_pauses_and_can_be_cancelled(engine: KokoroSynthesizer) -> None:
    text = "Hello there. This is the second sentence, a longer one, and here is more of it. The third is here."
    blocks = list(guard.synthesize(engine, Utterance(text), CallOptions()))
    assert {block.rate for block in blocks} == {RATE_HZ} and len(calls(engine)) >= 2
    pauses = [block.duration_s for block in blocks if not block.samples.any()]
    assert len(pauses) == len(calls(engine)) - 1 and all(0.02 < each < 0.8 for each in pauses)
    asked = iter([False, True])
    some = list(engine.synthesize(Utterance(text), CallOptions(cancelled=lambda: next(asked))))
    assert 0 < len(some) < len(blocks)


@needs_espeak
@pytest.mark.parametrize(("speed", "own"), [(0.25, 0.5), (2.0, 1.0), (4.0, 1.0)])
def test_beyond_its_own_speeds_the_sound_is_made_faster_or_slower(
    engine: KokoroSynthesizer, speed: float, own: float
) -> None:
    pytest.importorskip("av", reason="the package av is not installed")
    long = "Water runs down the hill, and the wind blows over the lake. Birds sing in the trees."

    def seconds(value: float) -> float:
        return sum(block.duration_s for block in engine.synthesize(Utterance(long, style=Style(speed=value))))

    assert seconds(speed) == pytest.approx(seconds(own) * own / speed, rel=0.1)
    assert calls(engine)[-1]["speed"] == [own]


@needs_espeak
def test_voice_speed_and_language_reach_the_graph(engine: KokoroSynthesizer) -> None:
    for voice, style, value, speed in (
        (None, Style(), 0, 1),
        ("am_michael", Style(speed=1.5), 1, 1.5),
        ("af_heart+bm_george", Style(), 1, 1),
        (None, Style(language="fr-FR"), 3, 1),
        (None, Style(language="en-GB"), 2, 1),
    ):
        list(engine.synthesize(Utterance("Water.", Voice(voice) if voice else None, style)))
        given = calls(engine)[-1]
        assert given["style"].shape == (1, 256) and given["style"][0, 0] == value and given["speed"] == [speed]
        assert given["tokens"][0, 0] == given["tokens"][0, -1] == 0
    assert [each.name for each in engine.voices()][:2] == ["af_heart", "am_michael"]
    described = engine.voices()[0]
    assert (described.language, described.description) == ("en-us", "woman, American English, grade A")


@needs_espeak
def test_what_cannot_be_said_is_one_line(engine: KokoroSynthesizer) -> None:
    def wrong(text: str = "Hello.", voice: str = "af_heart", **style: Any) -> str:
        with pytest.raises(BadInput) as caught:
            list(guard.synthesize(engine, Utterance(text, Voice(voice), Style(**style)), CallOptions()))
        return str(caught.value)

    assert "voice af_hart: is unknown to kokoro; nearest: af_heart" in wrong(voice="af_hart")
    assert "mix at most 4" in wrong(voice="+".join(["af_heart"] * 5))
    assert "language ja: has no phonemizer here" in wrong(voice="jf_alpha")
    assert "language xx: has no phonemizer here; kokoro speaks en-us" in wrong(language="xx")
    assert "nothing to read aloud" in wrong("...") and "only English" in wrong("你好")
    with pytest.raises(MissingCapability):
        reference = Voice.from_recording(Audio(np.zeros(100, np.float32), 16_000))
        list(guard.synthesize(engine, Utterance("Hello.", reference), CallOptions()))


def test_a_folder_may_hold_voices_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "kokoro-v1.0.onnx").write_bytes(b"")
    with (tmp_path / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, af_heart=np.ones((510, 1, 256), np.float32))
    found = files.find(str(tmp_path))
    assert found.model.name == "kokoro-v1.0.onnx" and found.style("af_heart").shape == (510, 256)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda at: (at / "model.onnx").unlink(), "has no model"),
        (lambda at: [path.unlink() for path in (at / "voices").iterdir()], "has no voices"),
        (lambda at: (at / "voices" / "af_heart.bin").write_bytes(b"1234" * 9), "cannot be read"),
        (lambda at: (at / "voices" / "af_heart.bin").write_bytes(b"12345"), "cannot be read"),
    ],
)
def test_a_damaged_folder_is_one_line(folder: Path, spoil: Any, words: str) -> None:
    spoil(folder)
    with pytest.raises(BadInput, match=words) as caught:
        files.find(str(folder)).style("af_heart")
    assert "\n" not in str(caught.value)


@needs_espeak
def test_loading_by_name_says_what_is_wrong_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUNDELAY_MODELS", str(folder / "nothing"))
    for settings, words in (
        ({}, "run make setup"),
        ({"model": str(folder)}, "cannot be loaded"),
        ({"model": "./nowhere"}, "is no folder"),
        ({"threads": "many"}, "must be 0 to 64"),
    ):
        with pytest.raises(RoundelayError, match=words) as caught:
            registry.load("kokoro", ["synthesizer"], settings)
        assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="the hub's client is not installed")

    def fail(*args: Any, **more: Any) -> str:
        raise OSError("no network\nand more")

    monkeypatch.setattr(hub, "snapshot_download", fail)
    with pytest.raises(BadInput, match=r"cannot be fetched from the hub \(no network\); give a folder"):
        files.find("owner/name")


def test_the_engine_is_found_by_its_voices() -> None:
    assert registry.engine_with_voice("af_heart") == registry.engine_with_voice("af_heart+am_michael") == "kokoro"
    assert registry.engine_with_voice("flite-rms") is registry.engine_with_voice("af_") is None
    assert len(voices.table()) == 54 and voices.gain("af_heart") > 0 and voices.gain("own") == 1


def test_a_value_of_a_graph_becomes_an_output() -> None:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    import onnxruntime
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Add", ["x", "x"], ["double"]), helper.make_node("Neg", ["double"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", "y")]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]), ir_version=8)
    model.opset_import[0].version = 13
    session = onnxruntime.InferenceSession(with_output(model.SerializeToString(), "double"))
    negative, double = session.run(None, {"x": np.array([1, 2], np.float32)})
    assert negative.tolist() == [-2, -4] and double.tolist() == [2, 4]
    for broken in (b"", b"\x3a\x05a", b"\xff" * 12):
        with pytest.raises(ValueError):
            with_output(broken, "double")


@needs_espeak
def test_the_real_voice_speaks() -> None:
    try:
        engine = registry.load("kokoro", ["synthesizer"], {"threads": 1})["synthesizer"]
    except RoundelayError as error:
        pytest.skip(f"Kokoro's weights are not here: {error}")
    assert isinstance(engine, KokoroSynthesizer) and isinstance(engine.files, KokoroFiles)
    made = np.concatenate([block.samples for block in engine.synthesize(Utterance("Good morning."))])
    assert 0.4 < len(made) / RATE_HZ < 2 and 0.05 < np.abs(made).max() <= 1
