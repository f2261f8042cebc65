"""Kokoro's voices: language and description by name, mixtures of them, and the gain that gives each one loudness."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from roundelay.errors import BadInput
from roundelay.voice.voices import Voice

DEFAULT = "af_heart"
JOIN = "+"  # between the names of a mixture: af_heart+am_michael is their mean
MAX_MIXED = 4
LICENCE = "Apache-2.0"
# The first letter of a name: BCP 47 tag, what the language is called
LANGUAGES: Mapping[str, tuple[str, str]] = {
    "a": ("en-us", "American English"),
    "b": ("en-gb", "British English"),
    "e": ("es", "Spanish"),
    "f": ("fr", "French"),
    "h": ("hi", "Hindi"),
    "i": ("it", "Italian"),
    "j": ("ja", "Japanese"),
    "p": ("pt-br", "Brazilian Portuguese"),
    "z": ("zh", "Mandarin Chinese"),
}
NO_PHONEMIZER = frozenset({"ja", "zh"})  # espeak-ng's sounds of them are not those that the model learnt
_SEXES = {"f": "woman", "m": "man"}
_FORM = re.compile(f"[{''.join(LANGUAGES)}][fm]_[a-z]+")  # of a voice's name


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a voice: its makers' grade, "" where they give none, and the gain to -23 LUFS in decibels."""

    grade: str
    gain_db: float


@cache
def table() -> Mapping[str, Entry]:
    """The 54 voices of Kokoro v1.0 by name, the default first, from `voices.toml`."""
    text = files("roundelay.voice.engines.kokoro").joinpath("voices.toml").read_text("utf-8")
    return {name: Entry(row.get("grade", ""), float(row["gain_db"])) for name, row in tomllib.loads(text).items()}


def knows(name: str) -> bool:
    """Whether a name has the form of its voices' or of a mixture's; `parts` says whether there is one of that name."""
    return bool(name) and all(_FORM.fullmatch(part) for part in name.split(JOIN))


def language(name: str) -> str:
    """The language of a voice, "en-us" for a name of no known form; a mixture's is that of its first voice."""
    return LANGUAGES.get(name[:1], LANGUAGES["a"])[0]


def voice(name: str) -> Voice:
    """The voice of a name, described."""
    tag, spoken = LANGUAGES.get(name[:1], ("", ""))
    words = [_SEXES.get(name[1:2], "voice"), spoken]
    if grade := table()[name].grade if name in table() else "":
        words.append(f"grade {grade}")
    if tag in NO_PHONEMIZER:
        words.append("no phonemizer for it here")
    return Voice(name, licence=LICENCE, language=tag, description=", ".join(filter(None, words)))


def parts(name: str, known: Mapping[str, object]) -> list[str]:
    """The voices of a name: itself, or those of a mixture. Raises `BadInput` with the nearest names."""
    found = name.split(JOIN)
    if len(found) > MAX_MIXED:
        raise BadInput("voice", name, f"mixes {len(found)} voices; mix at most {MAX_MIXED}")
    for part in found:
        if part not in known:
            near = get_close_matches(part, known, n=3, cutoff=0.5) or list(known)[:3]
            raise BadInput("voice", part, f"is unknown to kokoro; nearest: {', '.join(near)}; mix with {JOIN}")
    return found


def gain(name: str) -> float:
    """The factor that brings a voice to -23 LUFS, the mean in decibels for a mixture; 1 for an unknown voice."""
    entries = [table()[part].gain_db for part in name.split(JOIN) if part in table()]
    return float(10 ** (sum(entries) / len(entries) / 20)) if entries else 1.0
