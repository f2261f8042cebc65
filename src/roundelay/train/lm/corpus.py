"""Tokenized corpora: text, audio tokens and phone onsets of every utterance, computed once and cached beside the run.

They are regenerated, never committed, since they belong to one tokenizer, named by the checksum of its weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.console import progress
from roundelay.files import replacing
from roundelay.voice.audio import Audio
from roundelay.voice.data.manifest import Utterance, read_manifest, sound_of
from roundelay.voice.data.phones import plain
from roundelay.voice.engines.nano.vocabulary import code_ids, phone_id, phone_onsets
from roundelay.voice.graphs import PACKAGED
from roundelay.voice.tokenizer.dual import Tokenizer
from roundelay.voice.tokenizer.phone_recognizer import PhoneRecognizer
from roundelay.voice.vocab import VOCAB

GRAPHS = ("tokenizer.onnx", "phone_recognizer.onnx")  # whose weights a tokenized corpus depends on
GROUP_S = VOCAB.group_ms / 1000


@dataclass(frozen=True, slots=True)
class TokenizedUtterance:
    """One utterance: its text, its audio as ids of the nano model, and its phones as (id, start in seconds)."""

    text: str
    voice: str
    engine: str
    split: str
    kind: str
    clean: bool
    call: str | None
    sound: np.ndarray
    phones: tuple[tuple[int, float], ...]
    onsets: tuple[tuple[int, int], ...] = ()  # (phone id, group), by the phone recognizer

    @property
    def groups(self) -> int:
        """How many groups of 120 ms."""
        return len(self.sound) // VOCAB.group


def open_corpora(folders: Sequence[Path], out: Path, weights: Path | None = None) -> list[TokenizedUtterance]:
    """Every utterance of the corpora, from the cache in `out` or else tokenized."""
    sums = [hashlib.sha256(((weights or PACKAGED) / name).read_bytes()).hexdigest() for name in GRAPHS]
    digest = hashlib.sha256("".join(sums).encode()).hexdigest()[:12]
    found: list[TokenizedUtterance] = []
    for folder in folders:
        rows = [row for row in read_manifest(folder) if row.duration_s >= GROUP_S]
        key = hashlib.sha256(json.dumps([row.id for row in rows]).encode()).hexdigest()[:8]
        path = out / f"{folder.name}-{key}-{digest}.npz"
        if not path.is_file():
            _tokenize(folder, rows, path, weights)
        with np.load(path) as kept:
            ids, ends, onsets, last = kept["ids"], kept["ends"], kept["onsets"].tolist(), kept["last"]
        starts, first = np.concatenate([[0], ends[:-1]]), np.concatenate([[0], last[:-1]])
        for row, a, b, c, d in zip(rows, starts, ends, first, last, strict=True):
            found.append(_utterance(row, ids[a:b].astype(np.int64), tuple(map(tuple, onsets[c:d]))))
    return found


def _utterance(row: Utterance, ids: np.ndarray, onsets: tuple[tuple[int, int], ...]) -> TokenizedUtterance:
    phones = tuple((phone_id(plain(symbol)), float(start)) for symbol, start, _ in row.phones or ())
    voice = row.speaker if row.warp is None else f"{row.engine}-warped"
    return TokenizedUtterance(
        row.text, voice, row.engine, row.split, row.kind, not row.effects, row.call, ids, phones, onsets
    )


def _tokenize(folder: Path, rows: list[Utterance], path: Path, weights: Path | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer, recognizer = Tokenizer.load(weights), PhoneRecognizer.load(weights)
    lines, onsets = [], []
    for row in progress(rows, f"tokens of {folder.name}", len(rows)):
        tokens = tokenizer.encode(Audio(sound_of(folder, row), row.rate_hz))
        lines.append(np.asarray(code_ids(tokens), np.int16))
        onsets.append(np.asarray(phone_onsets(recognizer.recognize(tokens)), np.int16).reshape(-1, 2))
    ends, last = np.cumsum([len(line) for line in lines]), np.cumsum([len(line) for line in onsets])
    with replacing(path, force=True) as temporary, temporary.open("wb") as file:
        np.savez(file, ids=np.concatenate(lines), ends=ends, onsets=np.concatenate(onsets), last=last)
