"""What the voice half asks of an engine, and the nouns that pass between them. Protocols and nouns, no work (ours).

    Transcriber   Audio -> Transcript               ASR
    Responder     a turn and its history -> text and tool calls, as they come
    Synthesizer   Utterance -> Audio, in blocks     TTS
    EndOfTurn     a turn's words so far -> how probable it is that nothing follows

An engine is any object with the methods of one or more of these; of this package it need import nothing but `Audio`.
Audio carries its own rate: a synthesizer speaks at the rate of the `Audio` it yields, a transcriber resamples what it
is given. Engines are shared by threads. What an engine can do beyond the least is in its `capabilities`; callers ask
there first. `voice.engines.registry` finds engines by name, `voice.engines.guard` calls them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol, runtime_checkable

from roundelay.voice.audio import Audio
from roundelay.voice.style import PLAIN, Style
from roundelay.voice.voices import Voice

Role = Literal["system", "user", "assistant", "tool"]
EngineRole = Literal["transcriber", "responder", "synthesizer", "end_of_turn"]
Cancelled = Callable[[], bool]


def never() -> bool:
    """False: not cancelled."""
    return False


def unlimited() -> int:
    """More renderings than any engine tries: there is time for all that help."""
    return sys.maxsize


class Capability(StrEnum):
    """What an engine may be able to do beyond the least its protocol asks."""

    WORD_TIMES = "word_times"  # a transcriber: when each word was said
    CONFIDENCE = "confidence"  # a transcriber: how sure it is
    PARTIAL = "partial"  # a transcriber: less certain words before the final ones (CallOptions.partial)
    VOCABULARY = "vocabulary"  # a transcriber: is told which words may occur (CallOptions.vocabulary)
    LANGUAGE = "language"  # a transcriber or synthesizer: other languages than its first
    TOOLS = "tools"  # a responder: calls tools, and answers to their results
    CHAT = "chat"  # a responder: answers anything, not a domain of its own
    SPEED = "speed"  # a synthesizer: Style.speed; where it is missing, `Pipeline` changes the speed of what it says
    EMOTION = "emotion"  # a synthesizer: Style.emotion
    DIALECT = "dialect"  # a synthesizer: Style.dialect
    INSTRUCTIONS = "instructions"  # a synthesizer: Style.instructions
    SING = "sing"  # a synthesizer: Style.mode
    CLONE = "clone"  # a synthesizer: a Voice made from a recording
    CANDIDATES = "candidates"  # a synthesizer: keeps the best of several renderings


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a transcript, and when it was said, in seconds from the start of the audio."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a transcript; `confidence` is 0 to 1, None where the engine gives none."""

    text: str
    start_s: float
    end_s: float
    words: tuple[Word, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said: "" where no one spoke. `final` is False for a partial one, which a later one replaces.

    `confidence` is 0 to 1, about the share of words that are right. `alternatives` are other texts that are nearly as
    likely, the likeliest first.
    """

    text: str
    segments: tuple[Segment, ...] = ()
    language: str | None = None
    confidence: float | None = None
    final: bool = True
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is to be said. `voice` None is the engine's default; a seed gives the same sound on the same machine."""

    text: str
    voice: Voice | None = None
    style: Style = PLAIN
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the responder wants called: `arguments` as JSON text. `id` "" lets the caller choose one."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a history, as text. `key` names it: `turn-3`, `reply-7`, `call-…`, or a client's own id.

    `calls` are the tool calls of an assistant's message; the key of a tool's message is the id of the call it answers.
    """

    role: Role
    text: str
    key: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a responder is told of it: `parameters` is a JSON Schema object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What a responder answers: the user's words after a history, the tools it may call, how the reply will be spoken.

    `text` is "" where the history's last message, a tool's result, is to be answered. `tool_choice` is "auto", "none",
    "required", or a tool's name behind "function:". `transcript` is what was heard, None for a written text.
    """

    text: str
    history: Sequence[Message] = ()
    tools: Sequence[ToolSpec] = ()
    tool_choice: str = "auto"
    style: Style = PLAIN
    transcript: Transcript | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A reply whole: its text, and the tool calls in it. `skill` is the call of the engine's own that made the text."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    skill: str | None = None


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How one call of an engine is to run. An engine may ignore all of it but `cancelled`.

    `candidates` is asked before each stretch of speech for how many renderings there is time; None leaves it to the
    engine. `progress` passes the parts of a long work on one by one, as a progress bar does. `vocabulary` is the only
    words that may occur, for a transcriber with that capability; None is all it knows. `partial` takes transcripts of
    the same audio that are known earlier than the one returned (`final` False), from a transcriber with that
    capability, in whatever thread makes them; what it raises, `transcribe` raises.
    """

    cancelled: Cancelled = never
    candidates: Callable[[], int] | None = None
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter
    vocabulary: frozenset[str] | None = None
    partial: Callable[[Transcript], object] | None = None


DEFAULT_OPTIONS = CallOptions()


class Engine(Protocol):
    """What every engine says of itself."""

    @property
    def name(self) -> str:
        """The name it is chosen and reported by."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond the least."""
        ...


@runtime_checkable
class Transcriber(Engine, Protocol):
    """Speech recognition."""

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript | str:
        """The words of a recording of any rate and length; plain text where the engine knows no more."""
        ...


@runtime_checkable
class Responder(Engine, Protocol):
    """What answers a turn."""

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[str | ToolCall | Response]:
        """Yield text as it comes, and tool calls; or one `Response` where the whole is known at once."""
        ...


@runtime_checkable
class Synthesizer(Engine, Protocol):
    """Speech synthesis."""

    @property
    def rate_hz(self) -> int:
        """The rate of all the audio it yields."""
        ...

    def voices(self) -> Sequence[Voice]:
        """Its own voices, the default first."""
        ...

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        """Yield the sound of an utterance as it is made. `cancelled` is asked between blocks at the least."""
        ...


@runtime_checkable
class EndOfTurn(Engine, Protocol):
    """End-of-turn prediction from words; prosody is judged by `voice.realtime.endpointing`."""

    def probability(self, text: str, domain_only: bool) -> float | None:
        """How probable it is (0 to 1) that nothing must follow; None if unknown. `domain_only`: the responder answers
        its own domain alone, so words that begin none of its questions are incomplete."""
        ...


PROTOCOLS: Mapping[EngineRole, type] = {
    "transcriber": Transcriber,
    "responder": Responder,
    "synthesizer": Synthesizer,
    "end_of_turn": EndOfTurn,
}


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """An engine before it is loaded: the roles it can take, with its capabilities in each, and how it is loaded.

    `load(roles, **settings)` gives an engine for each of the roles asked for (one object may take several);
    `settings` names the settings it takes, `required` those among them without which it cannot be loaded, and
    `packages` the modules that it imports and that may not be installed. `knows_voice` says whether a synthesizer has
    a voice of this name, without loading it. `main_setting` is the one that a bare value sets: `whisper:tiny.en`.
    `check(**settings)` raises what loading would raise where something is missing or damaged, and loads nothing;
    `install` is the command that installs what is missing, `licence` that of the engine and its weights. An installed
    package offers its spec as an entry point of the group `roundelay.engines`.
    """

    name: str
    roles: Mapping[EngineRole, frozenset[Capability]]
    load: Callable[..., Mapping[EngineRole, Any]]
    settings: tuple[str, ...] = ()
    summary: str = ""
    required: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    knows_voice: Callable[[str], bool] | None = None
    main_setting: str = ""
    check: Callable[..., None] | None = None
    install: str = ""
    licence: str = ""
