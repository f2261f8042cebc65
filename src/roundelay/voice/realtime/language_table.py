"""Reading the word lists of a conversation's language from `languages/*.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from roundelay.errors import BadInput
from roundelay.voice.realtime.core.language import Language

FOLDER = Path(__file__).with_name("languages")


@cache
def load(name: str = "en") -> Language:
    """The word lists of a language by its BCP 47 tag. Raises `BadInput` for one without a table."""
    known = sorted(path.stem for path in FOLDER.glob("*.toml"))
    if name not in known:
        raise BadInput("language", name, f"has no conversation table; known: {', '.join(known)}")
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return Language(
        frozenset(table["backchannels"]),
        tuple(table["backchannel_phrases"]),
        frozenset(table["incomplete_endings"]),
        frozenset(table["complete_after_two"]),
        table["not_understood"],
    )
