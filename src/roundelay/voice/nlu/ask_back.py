"""Asking back what was heard with little confidence, and what the reply to that settles (ours).

Two questions are asked: "Did you say forty or fourteen?" where two words are confused, and "Did you ask: …?" otherwise.
What was offered stands in the history, as text; so nothing else need be remembered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.voice.interfaces import Message, Transcript
from roundelay.voice.nlu.skills import Call
from roundelay.voice.nlu.understand import Guess, guess, understand
from roundelay.voice.nlu.wording import words_of
from roundelay.voice.text.normalise import normalise

LOW_CONFIDENCE = 0.5  # of a transcript that is not answered without asking
SPARE_WORDS = 1  # of such a transcript that the question offered need not hold
LOW_WORD_CONFIDENCE = 0.5  # of a number with a confusable partner
AGAIN = "I am not sure I heard you. Please say it again."
OTHERWISE = "Then please ask me again, in other words."
_PAIRS = (
    ("thirteen", "thirty"), ("fourteen", "forty"), ("fifteen", "fifty"), ("sixteen", "sixty"), ("seventeen", "seventy"),
    ("eighteen", "eighty"), ("nineteen", "ninety"),
)  # fmt: skip
CONFUSABLE = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
_CHOICE = re.compile(r"Did you say ([a-z' ]+) or ([a-z' ]+)\?$")
_OFFER = re.compile(r"Did you ask: (.+)\?$")
YES = frozenset(("yes", "yeah", "yep", "yup", "sure", "correct", "right", "exactly", "indeed"))
NO = frozenset(("no", "nope", "nah", "not", "wrong", "neither"))
_BESIDE = frozenset(  # words that may stand beside them, or beside a choice
    ("that", "is", "was", "i", "did", "it", "please", "thanks", "thank", "you", "oh", "well", "of", "course", "what",
     "said", "asked", "meant")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settled:
    """What a reply to a question asked back comes to: the text to be answered; None where the offer was wrong."""

    text: str | None


def ask_back(text: str, transcript: Transcript | None) -> str | None:
    """The question to ask back in place of an answer to normalised `text`; None where no question is needed."""
    call = understand(text)
    if transcript is None:
        return None if call else _offer(text)
    sure = transcript.confidence
    if question := _choice(text, call, transcript):
        return question
    if sure is None or sure >= LOW_CONFIDENCE:
        return None if call else _offer(text) or _of_alternative(transcript)
    if question := _offer(text) or _of_alternative(transcript) or _offer(text, SPARE_WORDS):
        return f"I am not sure I heard you. {question}"
    return AGAIN


def offered(text: str, spare: int = 0) -> Guess | None:
    """What "Did you ask: …?" offers for a text, of which `spare` words may be too many; None where it means nothing."""
    found = guess(text, spare)
    return found if found is not None and understand(found.question) == found.call else None


def _offer(text: str, spare: int = 0) -> str | None:
    found = offered(text, spare)
    return None if found is None else f"Did you ask: {found.question}?"


def _of_alternative(transcript: Transcript) -> str | None:
    """ "Did you ask: …?" for the likeliest alternative that means something."""
    return next((offer for other in transcript.alternatives if (offer := _offer(normalise(other)))), None)


def _choice(text: str, call: Call | None, transcript: Transcript) -> str | None:
    """ "Did you say forty or fourteen?" where another word is nearly as likely, or a number was heard badly."""
    if call is None:
        return None
    words = text.split()
    others = [normalise(other).split() for other in transcript.alternatives]
    unsure = _unsure_words(transcript)
    for at, word in enumerate(words):
        swaps = [
            row[at] for row in others if len(row) == len(words) and row[:at] + row[at + 1 :] == _without(words, at)
        ]
        if word in CONFUSABLE and (word in unsure or CONFUSABLE[word] in swaps):
            swaps = [CONFUSABLE[word]]
        for other in swaps:
            changed = understand(" ".join([*words[:at], other, *words[at + 1 :]]))
            if changed is not None and changed != call:
                return f"Did you say {word} or {other}?"
    return None


def _without(words: Sequence[str], at: int) -> list[str]:
    return [*words[:at], *words[at + 1 :]]


def _unsure_words(transcript: Transcript) -> frozenset[str]:
    """The normalised words that were heard with little confidence."""
    words = [word for segment in transcript.segments for word in segment.words]
    low = [word.text for word in words if word.confidence is not None and word.confidence < LOW_WORD_CONFIDENCE]
    return frozenset(part for word in low for part in normalise(word).split())


def settle(text: str, history: Sequence[Message]) -> Settled | None:
    """What normalised `text` settles of a question that was asked back last; None where it is no reply to one."""
    spoken = [message for message in history if message.role in ("user", "assistant") and message.text]
    if not spoken or spoken[-1].role != "assistant":
        return None
    last, words = spoken[-1].text.strip(), words_of(text)
    short = set(words) <= YES | NO | _BESIDE
    yes, no = bool(YES & set(words)) and short, bool(NO & set(words)) and short
    if found := _OFFER.search(last):
        if yes and not no:
            return Settled(found[1])
        return Settled(None) if no else None
    if found := _CHOICE.search(last):
        heard, other = found[1], found[2]
        chosen = [each for each in (heard, other) if each in words]
        asked = next((message.text for message in reversed(spoken[:-1]) if message.role == "user"), "")
        if len(chosen) == 1 and set(words) <= {*chosen, *YES, *NO, *_BESIDE, "number", "the"}:
            return Settled(_replaced(normalise(asked), heard, chosen[0]))
        if yes and not no:
            return Settled(normalise(asked))
        return Settled(None) if no else None
    return None


def _replaced(text: str, word: str, other: str) -> str:
    """`text` with the first `word` replaced."""
    words = text.split()
    at = words.index(word) if word in words else None
    return text if at is None else " ".join([*words[:at], other, *words[at + 1 :]])
