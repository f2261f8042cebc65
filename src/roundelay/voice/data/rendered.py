"""Lines that Kokoro has spoken, kept in a folder so that none is spoken twice: `lines.jsonl` and a FLAC file each.

A line of `lines.jsonl` holds `file`, `text`, `voice`, `speed`, `phonemes` (Kokoro's symbols) and `durations` (frames of
600 samples, the pads' included); and `kind` and `call` of the prompt, and `model`, the first twelve digits of the
model's SHA-256 sum, where they are known. Several processes may add to a folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.files import replacing
from roundelay.voice.audio import Audio
from roundelay.voice.data.phones import Phones, before_pauses, earlier, from_kokoro
from roundelay.voice.data.speakers import KOKORO, is_held_out
from roundelay.voice.data.teacher import RATE_HZ, Rendering
from roundelay.voice.packages.known import KOKORO_MODEL

LINES = "lines.jsonl"
VARIABLE = "ROUNDELAY_RENDERED"  # the folder, where a configuration names none
MODEL = KOKORO_MODEL.sum_hex[:12]  # of a line that names no model
DEV_PART = 33  # one text in so many is the dev split's, in every voice
KOKORO_RATE_HZ, FRAME = 24_000, 600
LEAD_S = 0.055  # by which the sound comes before the durations' times, in every voice and all along (docs/log.md)


@dataclass(frozen=True, slots=True)
class RenderedLine:
    """A line that was spoken. `path` is its FLAC file at 24 kHz."""

    path: str
    text: str
    voice: str
    speed: float
    symbols: str
    frames: tuple[int, ...]
    kind: str = ""
    call: str | None = None
    model: str = MODEL

    @property
    def speaker(self) -> str:
        """The speaker's name in a manifest; a mixture of voices is one speaker at any speed."""
        return f"{KOKORO}-{self.voice}"

    @property
    def duration_s(self) -> float:
        """The seconds it lasts."""
        return sum(self.frames) * FRAME / KOKORO_RATE_HZ

    @property
    def split(self) -> str:
        """ "test" for a voice that is never trained on, else "dev" or "train" by the text."""
        if is_held_out(self.voice):
            return "test"
        return "dev" if zlib.crc32(f"rendered {self.text}".encode()) % DEV_PART == 0 else "train"

    def phones(self, samples_T: np.ndarray) -> Phones:
        """The phones with their times in seconds, in the line's sound at 16 kHz. Raises `ValueError`."""
        found = from_kokoro(self.symbols, self.frames, FRAME / KOKORO_RATE_HZ)
        return before_pauses(earlier(found, LEAD_S), samples_T, RATE_HZ)

    def rendering(self) -> Rendering | None:
        """The sound at 16 kHz with its phones; None if the file cannot be read."""
        try:
            samples = Audio.read(self.path, RATE_HZ).samples
            return Rendering(samples, self.phones(samples))
        except (BadInput, ValueError):
            return None


def folder_of(named: str) -> str:
    """The folder of rendered lines: the one named in a configuration, else of the environment, else ""."""
    return named or os.environ.get(VARIABLE, "")


def read(folder: str, count: int = 0) -> list[RenderedLine]:
    """The first `count` lines of a folder, in the order they were spoken; 0: all that are whole.

    Raises `BadInput` for a folder without lines, or a damaged line that is not the last.
    """
    path = Path(folder) / LINES
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("folder of rendered lines", folder, f"cannot be read ({error})") from None
    found = []
    for number, row in enumerate(rows[: count or None], 1):
        try:
            found.append(_line(Path(folder), json.loads(row)))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(rows):  # being written now
                break
            raise BadInput("rendered lines", f"{LINES}:{number}", f"of {folder} cannot be read ({error})") from None
    return found


@dataclass(frozen=True, slots=True)
class RenderedFolder:
    """A folder that lines are looked up in and added to."""

    path: str
    model: str

    def find(self, text: str, voice: str, speed: float) -> RenderedLine | None:
        """The line that was spoken so, if any; lines added by others after the first look are not seen."""
        return _index(self.path).get((text, voice, speed, self.model))

    def add(self, line: RenderedLine, samples: np.ndarray) -> RenderedLine:
        """The line with its samples [T] at 24 kHz written."""
        key = json.dumps([line.text, line.voice, line.speed, self.model]).encode()
        name = f"{hashlib.sha256(key).hexdigest()[:20]}.flac"
        Path(self.path).mkdir(parents=True, exist_ok=True)
        if not (Path(self.path) / name).exists():
            import soundfile

            with replacing(Path(self.path) / name, force=True) as temporary:
                soundfile.write(temporary, np.clip(samples, -1, 1), KOKORO_RATE_HZ, format="FLAC", subtype="PCM_16")
        row = {
            "file": name,
            "text": line.text,
            "voice": line.voice,
            "speed": line.speed,
            "phonemes": line.symbols,
            "durations": line.frames,
            "samples": len(samples),
            "model": self.model,
        }
        data = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        handle = os.open(Path(self.path) / LINES, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)
        return _line(Path(self.path), row)


@cache
def _index(folder: str) -> dict[tuple[str, str, float, str], RenderedLine]:
    if not (Path(folder) / LINES).exists():
        return {}
    return {(line.text, line.voice, line.speed, line.model): line for line in read(folder)}


def _line(folder: Path, row: dict[str, Any]) -> RenderedLine:
    frames: Sequence[int] = row["durations"]
    if len(frames) != len(row["phonemes"]) + 2:
        raise ValueError(f"{len(frames)} durations of {len(row['phonemes'])} phonemes and two pads")
    return RenderedLine(
        str(folder / row["file"]),
        str(row["text"]),
        str(row["voice"]),
        float(row["speed"]),
        str(row["phonemes"]),
        tuple(int(n) for n in frames),
        str(row.get("kind") or "rendered"),
        row.get("call"),
        str(row.get("model", MODEL)),
    )
