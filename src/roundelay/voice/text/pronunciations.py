"""How English words are pronounced, by the dictionary inside the pocketsphinx package; it is read, never copied."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from roundelay.errors import BadInput


def dictionary_path() -> Path:
    """The pronouncing dictionary inside the installed package; raises `BadInput` when it is absent."""
    from importlib.util import find_spec

    spec = find_spec("pocketsphinx")
    path = Path(spec.origin).parent / "model/en-us/cmudict-en-us.dict" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise BadInput("lexicon", "cmudict-en-us.dict", "is missing: run pip install 'roundelay[eval]'")
    return path


@cache
def _pronunciations() -> dict[str, tuple[str, ...]]:
    """Each word's first pronunciation, in the phones of `voice.tokenizer.phone_recognizer.PHONES`."""
    found: dict[str, tuple[str, ...]] = {}
    for line in dictionary_path().read_text(encoding="utf-8", errors="ignore").splitlines():
        word, *phones = line.lower().split()
        if phones and "(" not in word:
            found[word] = tuple(phones)
    return found


def pronounce(text: str) -> list[str] | None:
    """The phones of a text by the dictionary, word after word; None where it lacks a word."""
    known = _pronunciations()
    words = [known.get(word) for word in text.split()]
    return [phone for word in words if word for phone in word] if all(words) else None
