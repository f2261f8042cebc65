"""Classification of overlapping speech by its words: backchannel, echo of the bot, or a bid for the floor (ours)."""

from __future__ import annotations

import re

from roundelay.voice.realtime.core.language import Language

# Share of the words, in order, that the bot said: echo. One word alone is no evidence.
ECHO_SHARE = 0.75
ECHO_WORDS = 2
BACKCHANNEL = "*"  # stands for a phrase that is one; no word contains it


def words(text: str) -> list[str]:
    """The words of a text in lower case without punctuation, for comparing transcripts."""
    return re.findall(r"[^\W_]+", text.lower().replace("'", "").replace("’", "").replace("-", " "))


def is_backchannel(text: str, language: Language) -> bool:
    """Whether the text consists of backchannels alone; False for an empty text."""
    line = " ".join(words(text))
    for phrase in language.backchannel_phrases:
        line = re.sub(rf"\b{phrase}\b", BACKCHANNEL, line)
    known = language.backchannels
    return bool(line) and all(word == BACKCHANNEL or word in known for word in line.split())


def is_echo(text: str, bot_text: str) -> bool:
    """Whether most words of the text occur in `bot_text` in the same order."""
    mine, theirs = words(text), words(bot_text)
    if len(mine) < ECHO_WORDS:
        return False
    # Longest common subsequence, row by row: an echo loses words but keeps their order.
    row = [0] * (len(theirs) + 1)
    for word in mine:
        before = 0
        for at, other in enumerate(theirs, 1):
            before, row[at] = row[at], before + 1 if word == other else max(row[at], row[at - 1])
    return row[-1] >= ECHO_SHARE * len(mine)


def wants_floor(text: str, bot_text: str, language: Language) -> bool:
    """Whether overlapping words should stop the bot: there are some, and they are neither echo nor backchannel."""
    return bool(words(text)) and not is_backchannel(text, language) and not is_echo(text, bot_text)
