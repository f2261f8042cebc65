"""What is said where there is no answer: what the assistant cannot do or does not know, and what it can (ours)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from roundelay.voice.interfaces import Message
from roundelay.voice.nlu.domain.tables import table_of

REMEMBERED = 2  # replies of the history that are not said again


@cache
def _kinds() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """The pattern of each kind of request, and the sentences about it."""
    rows: Sequence[Mapping[str, Any]] = table_of("roundelay.voice.nlu", "decline")["kinds"]
    return tuple((re.compile(rf"\b(?:{row['words']})\b"), tuple(row["lines"])) for row in rows)


def decline(text: str, history: Sequence[Message] = ()) -> str:
    """A short reply to normalised `text` that has no answer: it is none of the assistant's last replies."""
    table = table_of("roundelay.voice.nlu", "decline")
    lines = next((lines for pattern, lines in _kinds() if pattern.search(text)), tuple(table["other"]))
    said = [message.text for message in history if message.role == "assistant"]
    offers = table["offers"]
    turn = sum(any(offer in one for offer in offers) for one in said)
    for step in range(len(offers)):
        reply = f"{lines[(turn + step) % len(lines)]} {offers[(turn + step) % len(offers)]}"
        if reply not in said[-REMEMBERED:]:
            break
    return reply
