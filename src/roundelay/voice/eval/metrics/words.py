"""Text as the words that were said, so that "7." and "seven" are one word (ours)."""

from __future__ import annotations

from roundelay.errors import BadInput
from roundelay.voice.text.normalise import normalise


def spoken_words(text: str) -> str:
    """The words of what was said or heard, by the project's normaliser; what that cannot read, in lower case.

    The same is done to both sides of a comparison. A reading that is another than the speaker's counts as an error.
    """
    if not any(map(str.isalnum, text)):
        return ""
    try:
        return normalise(text)
    except BadInput:
        return " ".join(text.lower().split())
