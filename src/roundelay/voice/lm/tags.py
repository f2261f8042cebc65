"""Tags: instructions in brackets before a text; which prompt, voice and vocoder they choose (Step-Audio
release).

The released parser has known faults; the corrected rule: the tag is the content of the first balanced bracket at the
beginning, and nothing after it changes the choice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from roundelay.errors import BadInput

EMOTIONS = ("高兴1", "高兴2", "生气1", "生气2", "悲伤1", "撒娇1")
LANGUAGES = ("中文", "英文", "韩语", "日语", "四川话", "粤语", "广东话")
RAP, HUMMING = MUSIC = ("RAP", "哼唱")
SPEEDS = ("慢速1", "慢速2", "快速1", "快速2")
KNOWN = frozenset(EMOTIONS + LANGUAGES + MUSIC + SPEEDS)
OPENING, CLOSING = "(（", ")）"
CLONE = ""  # the name of a voice given by the prompt, not registered


class Mode(Enum):
    """Which system prompt a text is spoken under."""

    WITH_SPEAKER = "with_speaker"
    WITHOUT_SPEAKER = "without_speaker"
    RAP = "rap"
    HUMMING = "humming"


@dataclass(frozen=True, slots=True)
class Choice:
    """The choice of a tagged text. `text` still carries its tags, as in the model's training."""

    instruction: str
    mode: Mode
    voice: str
    text: str

    @property
    def music(self) -> bool:
        """Whether the vocoder for music is asked for."""
        return self.mode in (Mode.RAP, Mode.HUMMING)


def tags(text: str) -> tuple[str, ...]:
    """The tags before `text`, spaces around them removed; none for an empty or unclosed bracket.

    Of brackets inside a bracket the innermost known tag counts: `(Humming (哼唱))` is 哼唱. An unknown tag is kept,
    since the trained prompt calls its lists incomplete.
    """
    found = []
    rest = text.lstrip()
    while rest[:1] and rest[0] in OPENING:
        end = _closing(rest)
        if end is None:
            break
        found.append(_innermost(rest[1:end]))
        rest = rest[end + 1 :].lstrip()
    return tuple(tag for tag in found if tag)


def _closing(text: str) -> int | None:
    """Where the bracket that opens `text` closes; both widths of bracket are one kind, as in the released parser."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in OPENING) - (letter in CLOSING)
        if depth == 0:
            return at
    return None


def _innermost(inside: str) -> str:
    start = max(inside.rfind(bracket) for bracket in OPENING) + 1
    ends = [at for bracket in CLOSING if (at := inside.find(bracket, start)) >= 0]
    tag = inside[start : min(ends, default=len(inside))].strip()
    return tag.upper() if tag.upper() in KNOWN else tag


def choose(text: str, speaker: str = CLONE, registered: Collection[str] = ()) -> Choice:
    """The choice of `text` when spoken by `speaker`, which is `registered` unless cloned.

    The first tag decides. RAP and humming of a registered speaker have a voice of their own, the speaker's name and the
    tag. Raises `BadInput` for a voice that is not registered.
    """
    instruction = next(iter(tags(text)), "")
    music = instruction in MUSIC
    voice = speaker + instruction if speaker and music else speaker
    if voice and voice not in registered:
        raise BadInput("voice", voice, f"is not registered; known: {', '.join(sorted(registered)) or 'none'}")
    if music:
        mode = Mode.RAP if instruction == RAP else Mode.HUMMING
    else:
        mode = Mode.WITH_SPEAKER if speaker else Mode.WITHOUT_SPEAKER
    return Choice(instruction, mode, voice, text)
