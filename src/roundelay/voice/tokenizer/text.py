"""The text tokenizer of the released checkpoints: SentencePiece Unigram over 74,752 pieces (Step-Audio,
arXiv 2502.11946, and its release).

The file is an optional input from a path the user gives; the nano model has a character vocabulary. The library handles
neither the control symbols nor the released rule for the first space, so both are done here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.vocab import VOCAB


class Symbol(IntEnum):
    """Ids of control symbols (the Step-Audio release)."""

    UNKNOWN = 0
    BOS = 1
    END = 2
    EOT = 3
    BOT = 4
    CALL_START = 5
    CALL_END = 6
    THINK_START = 7
    THINK_END = 8
    AUDIO_START = 31
    AUDIO_END = 32
    TEXT_START = 33
    TEXT_END = 34
    TTS = 35
    ASR = 36
    TQAA = 37
    AQTA = 38


class Encoder(Protocol):
    """The text tokenizer as prompts use it."""

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True, symbols: bool = True) -> list[int]:
        """Ids of `text`; see `TextTokenizer.encode`."""


_BRACKETED = re.compile(r"(<[^<>\s]+>)")  # the form of every control symbol
_SPACE = "▁"
# Two fields appended to the model's normaliser: no space of the library's own in front, and spaces kept as they are.
_AS_WRITTEN = bytes([0x1A, 4, 0x18, 0, 0x20, 0])


class TextTokenizer:
    """Text -> ids and back, as the released checkpoints were trained.

    Raises `BadInput` for a file that is missing, damaged, or of another vocabulary.
    """

    def __init__(self, path: Path | str) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError:
            raise MissingPackage("sentencepiece", "released") from None
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise BadInput("text tokenizer", path, f"cannot be read ({error.strerror})") from None
        try:
            self._pieces = SentencePieceProcessor(model_proto=data + _AS_WRITTEN)
            size = self._pieces.get_piece_size()
        except (RuntimeError, OSError):
            raise BadInput("text tokenizer", path, "is damaged or no SentencePiece model; fetch it again") from None
        if size != VOCAB.size:
            raise BadInput("text tokenizer", path, f"has {size} pieces, not {VOCAB.size}; it is another model's")
        everything = list(range(size))
        self._names: list[str] = self._pieces.id_to_piece(everything)
        bytewise = self._pieces.is_byte(everything)
        scores = self._pieces.get_score(everything)
        # Unigram scores are log-probabilities below zero; control symbols have zero.
        self._symbols = {
            n: i for n, i, s, b in zip(self._names, everything, scores, bytewise, strict=True) if not (s or b)
        }
        self._bytes = {i: int(n[3:5], 16) for n, i, b in zip(self._names, everything, bytewise, strict=True) if b}

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True, symbols: bool = True) -> list[int]:
        """Ids of `text`.

        `bos` puts BOS first. `prefix` gives text that begins the string, and does not begin with a space, one space.
        With `symbols`, control symbols and `<audio_N>` in the text are single ids; without, they are plain text, as
        a user's words must be.
        """
        ids = [int(Symbol.BOS)] if bos else []
        text = text.encode("utf-8", "replace").decode()  # a lone surrogate is no character
        first = prefix
        for part in _BRACKETED.split(text):
            if part in self._symbols and symbols:
                ids.append(self._symbols[part])
            elif part in self._symbols:  # split, since the library would match the whole symbol
                ids += self._pieces.encode("<") + self._pieces.encode(part[1:])
            elif part:
                space = _SPACE if first and part[0] not in (" ", _SPACE) else ""
                ids += self._pieces.encode(space + part)
            first = first and not part
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, control symbols written out; bytes that are no UTF-8 become U+FFFD."""
        parts: list[bytes] = []
        for i in ids:
            if not 0 <= i < VOCAB.size:
                raise BadInput("token id", i, f"must be 0 to {VOCAB.size - 1}")
            parts.append(bytes([self._bytes[i]]) if i in self._bytes else self._names[i].encode())
        text = b"".join(parts).decode("utf-8", errors="replace").replace(_SPACE, " ")
        return text.removeprefix(" ")
