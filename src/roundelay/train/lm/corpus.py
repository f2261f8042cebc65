"""Token corpora: what a corpus says and how the tokenizer hears it, computed once and kept beside the run.

They are regenerated, never committed: they belong to one tokenizer, named by the sum of its weights.
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
from roundelay.voice.graphs import PACKAGED
from roundelay.voice.lm.units import codes, phone_id
from roundelay.voice.tokenizer.dual import Tokenizer
from roundelay.voice.vocab import VOCAB

LEVEL = 0.07  # RMS of the loud half, as the codec was taught; its own gains stay as they are heard
GROUP_S = VOCAB.group_ms / 1000


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance: its text, its sound as ids of the embedded model, and its phones as (id, start in seconds)."""

    text: str
    voice: str
    engine: str
    split: str
    kind: str
    clean: bool
    call: str | None
    sound: np.ndarray
    phones: tuple[tuple[int, float], ...]

    @property
    def groups(self) -> int:
        """How many groups of 120 ms."""
        return len(self.sound) // VOCAB.group


def open_corpora(folders: Sequence[Path], out: Path, weights: Path | None = None) -> list[Said]:
    """Every utterance of the corpora, from `out` where a corpus is known there already, else tokenized anew."""
    digest = hashlib.sha256(((weights or PACKAGED) / "tokenizer.onnx").read_bytes()).hexdigest()[:12]
    found: list[Said] = []
    for folder in folders:
        rows = [row for row in read_manifest(folder) if row.duration_s >= GROUP_S]
        key = hashlib.sha256(json.dumps([row.id for row in rows]).encode()).hexdigest()[:8]
        path = out / f"{folder.name}-{key}-{digest}.npz"
        if not path.is_file():
            _tokenize(folder, rows, path, weights)
        with np.load(path) as kept:
            ids, ends = kept["ids"], kept["ends"]
        starts = np.concatenate([[0], ends[:-1]])
        found += [_said(row, ids[a:b].astype(np.int64)) for row, a, b in zip(rows, starts, ends, strict=True)]
    return found


def _said(row: Utterance, ids: np.ndarray) -> Said:
    phones = tuple((phone_id(plain(symbol)), float(start)) for symbol, start, _ in row.phones or ())
    voice = row.speaker if row.warp is None else f"{row.engine}-warped"
    return Said(row.text, voice, row.engine, row.split, row.kind, not row.effects, row.call, ids, phones)


def _tokenize(folder: Path, rows: list[Utterance], path: Path, weights: Path | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.load(weights)
    lines = [
        np.asarray(codes(tokenizer.encode(Audio(sound_of(folder, row), row.rate_hz))), np.int16)
        for row in progress(rows, f"tokens of {folder.name}", len(rows))
    ]
    ends = np.cumsum([len(line) for line in lines])
    with replacing(path, force=True) as temporary, temporary.open("wb") as file:
        np.savez(file, ids=np.concatenate(lines), ends=ends)
