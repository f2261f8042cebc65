"""Voice: whose voice an utterance is spoken with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import AudioFile

MAX_REFERENCE_S = 120.0  # of a file: no engine looks at more to know a voice (the speaker encoder takes 12 s of speech)
MAX_REFERENCE_RATE_HZ = 48_000

MAX_LISTED = 20  # names of voices in an error; of more the nearest are named


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A voice by its `name` among an engine's own, or by a `reference` recording, or by an engine's own `vector`.

    `transcript` is what the reference says, `licence` what may be done with it (an SPDX name), `language` the BCP 47
    tag of what it speaks, `description` who it sounds like, where known.
    """

    name: str = ""
    vector: np.ndarray | None = field(default=None, repr=False)
    reference: Audio | None = field(default=None, repr=False)
    transcript: str = ""
    licence: str = ""
    language: str = ""
    description: str = ""

    @classmethod
    def from_recording(cls, source: Path | str | Audio, transcript: str = "", licence: str = "") -> Voice:
        """The voice of a recording; of a file's, the first two minutes that are not silent serve.

        Raises `BadInput` for a file that cannot be read.
        """
        audio = source if isinstance(source, Audio) else _reference(AudioFile.open(source))
        name = "" if isinstance(source, Audio) else Path(source).stem
        return cls(name, None, audio, transcript, licence)

    @classmethod
    def named(cls, text: str | None, known: Collection[str]) -> Voice | None:
        """The voice meant by a command line's `NAME|recording`: one of the names `known`, else a recording by its path.

        None stays None, an engine's default. Raises `BadInput` listing the known voices for what is neither.
        """
        if text is None or text in known:
            return None if text is None else cls(text)
        if not Path(text).exists():
            raise unknown_voice(text, known)
        return cls.from_recording(text)


def _reference(file: AudioFile) -> Audio:
    """The beginning of a file, without blocks of silence before it."""
    rate, parts = min(file.rate, MAX_REFERENCE_RATE_HZ), list[np.ndarray]()
    for block in file.blocks(rate):
        if len(parts) == 1 and not parts[0].any():
            parts.clear()
        parts.append(block)
        if sum(map(len, parts)) >= MAX_REFERENCE_S * rate:
            break
    return Audio.joined(parts, rate)


def unknown_voice(name: str, known: Collection[str]) -> BadInput:
    """The error about a voice that is neither built in nor a recording."""
    if len(known) <= MAX_LISTED:
        return BadInput("voice", name, f"is unknown: give a recording, or one of {', '.join(known)}")
    near = get_close_matches(name, known, n=3, cutoff=0.4) or list(known)[:3]
    return BadInput("voice", name, f"is unknown; nearest of {len(known)}: {', '.join(near)}")
