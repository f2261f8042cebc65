"""Calls of engines: what any engine does wrong becomes one `EngineError`, and the caller goes on (ours).

An engine may raise, give nothing, give what is no answer (NaN, another rate, another type), or hang. It is run in a
thread of its own, because a call that hangs cannot be ended from outside; the thread is a daemon and is left behind.
What an engine raises on purpose (`BadInput` for a text that cannot be read aloud) is passed on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import TypeVar

from roundelay.errors import EngineError, MissingCapability, RoundelayError
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import InvalidAudio
from roundelay.voice.engines.reader_thread import MAX_THREADS, Busy, Hang, read
from roundelay.voice.engines.registry import engines_with
from roundelay.voice.interfaces import (
    CallOptions,
    Capability,
    EndOfTurn,
    Engine,
    EngineRole,
    Request,
    Responder,
    Response,
    Synthesizer,
    ToolCall,
    Transcriber,
    Transcript,
    Utterance,
    never,
)
from roundelay.voice.style import Style
from roundelay.voice.voices import Voice

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take before it counts as hanging, in seconds; generous, for a first call may compile."""

    first_s: float = 120.0  # until the first block of audio or text, or a transcript of no length
    next_s: float = 60.0  # from one block to the next
    per_audio_s: float = 10.0  # more for every second of audio to be transcribed
    end_of_turn_s: float = 20.0

    def at_most(self, other: Limits) -> Limits:
        """The lower of each limit."""
        return Limits(*map(min, astuple(self), astuple(other)))


DEFAULT_LIMITS = Limits()
# Of a live conversation: a user waits, and the threads are shared. A reply that stalls is dropped even earlier.
LIVE_LIMITS = Limits(first_s=30.0, next_s=10.0, per_audio_s=2.0, end_of_turn_s=5.0)


def require(engine: Engine, role: EngineRole, capability: Capability) -> None:
    """Raise `MissingCapability` with the engines that have it, unless this engine has the capability."""
    if capability not in engine.capabilities:
        raise MissingCapability(engine.name, capability.value, engines_with(capability, role))


def transcribe(engine: Transcriber, audio: Audio, options: CallOptions, limits: Limits = DEFAULT_LIMITS) -> Transcript:
    """What was said in a recording; "" where `cancelled` came first."""
    limit_s = limits.first_s + limits.per_audio_s * audio.duration_s
    source = lambda: [engine.transcribe(audio, options)]  # noqa: E731
    for found in _guarded(engine, "transcriber", source, options.cancelled, lambda _: limit_s):
        if isinstance(found, str):
            return Transcript(found)
        if not isinstance(found, Transcript) or not isinstance(found.text, str):
            raise _invalid(engine, "transcriber", found, "a Transcript or text")
        return found
    return Transcript("", final=False)


def reply(
    engine: Responder, request: Request, options: CallOptions, limits: Limits = DEFAULT_LIMITS
) -> Iterator[str | ToolCall | Response]:
    """Yield the reply to a request as it comes. Raises `MissingCapability` for tools that the engine cannot call."""
    if request.tools and request.tool_choice != "none":
        require(engine, "responder", Capability.TOOLS)
    source = lambda: engine.reply(request, options)  # noqa: E731
    count = 0
    for part in _guarded(engine, "responder", source, options.cancelled, _blocks(limits)):
        if not isinstance(part.text if isinstance(part, Response) else part, str | ToolCall):
            raise _invalid(engine, "responder", part, "text, a ToolCall or a Response")
        count += 1
        yield part
    if not count and not options.cancelled():
        raise EngineError(engine.name, "responder", "gave no reply", "nothing")


def synthesize(
    engine: Synthesizer, utterance: Utterance, options: CallOptions, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Audio]:
    """Yield the audio of an utterance as it is made, all at the engine's rate.

    Raises `MissingCapability` for a style or a voice from a recording that the engine does not have.
    """
    for capability in needs(utterance.style):
        require(engine, "synthesizer", capability)
    if utterance.voice is not None and utterance.voice.reference is not None:
        require(engine, "synthesizer", Capability.CLONE)
    source = lambda: engine.synthesize(utterance, options)  # noqa: E731
    count = 0
    for block in _guarded(engine, "synthesizer", source, options.cancelled, _blocks(limits)):
        if not isinstance(block, Audio):
            raise _invalid(engine, "synthesizer", block, "Audio")
        if block.rate != engine.rate_hz:
            what = f"gave audio at {block.rate} Hz, not at its {engine.rate_hz} Hz"
            raise EngineError(engine.name, "synthesizer", what, "invalid")
        count += 1
        yield block
    if not count and not options.cancelled():
        what = f"gave no sound for the text {utterance.text[:40]!r}; say it in other words"
        raise EngineError(engine.name, "synthesizer", what, "nothing")


def voices(engine: Synthesizer, limits: Limits = DEFAULT_LIMITS) -> tuple[Voice, ...]:
    """A synthesizer's own voices, the default first."""
    source = lambda: [tuple(engine.voices())]  # noqa: E731
    found = next(_guarded(engine, "synthesizer", source, never, lambda _: limits.first_s))
    if wrong := [each for each in found if not isinstance(each, Voice)]:
        raise _invalid(engine, "synthesizer", wrong[0], "a Voice")
    return found


def end_of_turn(engine: EndOfTurn, text: str, domain_only: bool, limits: Limits = DEFAULT_LIMITS) -> float | None:
    """How probable (0 to 1) it is that nothing must follow `text`; None if unknown."""
    source = lambda: [engine.probability(text, domain_only)]  # noqa: E731
    for found in _guarded(engine, "end_of_turn", source, never, lambda _: limits.end_of_turn_s):
        if found is None:
            return None
        if not isinstance(found, float | int) or math.isnan(found) or not 0 <= found <= 1:
            raise EngineError(engine.name, "end_of_turn", f"gave {found!r}, not a probability", "invalid")
        return float(found)
    return None


def needs(style: Style) -> list[Capability]:
    """The capabilities that a style asks of a synthesizer."""
    asked = {
        Capability.SPEED: style.speed != 1,
        Capability.EMOTION: style.emotion is not None,
        Capability.LANGUAGE: style.language is not None,
        Capability.DIALECT: style.dialect is not None,
        Capability.INSTRUCTIONS: style.instructions is not None,
        Capability.SING: style.mode != "speak",
    }
    return [capability for capability, wanted in asked.items() if wanted]


def _blocks(limits: Limits) -> Callable[[int], float]:
    return lambda count: limits.next_s if count else limits.first_s


def _invalid(engine: Engine, role: EngineRole, found: object, wanted: str) -> EngineError:
    return EngineError(engine.name, role, f"gave {type(found).__name__}, not {wanted}", "invalid")


def _guarded(
    engine: Engine,
    role: EngineRole,
    source: Callable[[], Iterable[T]],
    cancelled: Callable[[], bool],
    limit_s: Callable[[int], float],
) -> Iterator[T]:
    """Yield the items of a source; every fault of it is an `EngineError`."""
    try:
        yield from read(source, cancelled, limit_s, engine.name)
    except Hang:
        raise EngineError(engine.name, role, "hangs: it gave nothing in time and was left", "hang") from None
    except Busy:
        what = f"was not asked: {MAX_THREADS} calls of it are waited for already; try again later"
        raise EngineError(engine.name, role, what, "busy") from None
    except InvalidAudio as error:
        raise EngineError(engine.name, role, f"gave {error}", "invalid") from error
    except RoundelayError:
        raise
    except BaseException as error:
        if isinstance(error, GeneratorExit | KeyboardInterrupt):
            raise
        raise EngineError(engine.name, role, f"failed ({type(error).__name__}: {error})") from error
