"""Four engines joined: transcriber, responder, synthesizer and end-of-turn model (ours).

pipeline = Pipeline.load()
pipeline.say("It is 9:05.").write("out.wav")
pipeline.transcribe(AudioFile.open("in.wav")).text    # or an Audio
reply = pipeline.ask(AudioFile.open("question.wav"))   # reply.transcript, reply.response, reply.audio()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roundelay.errors import EngineError
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import AudioFile
from roundelay.voice.engines import guard, piecewise, registry
from roundelay.voice.engines.absent import AbsentEngine
from roundelay.voice.engines.choice import EngineChoice
from roundelay.voice.engines.registry import DEFAULT
from roundelay.voice.interfaces import (
    DEFAULT_OPTIONS,
    CallOptions,
    Capability,
    EndOfTurn,
    EngineRole,
    Request,
    Responder,
    Response,
    Synthesizer,
    ToolCall,
    Transcriber,
    Transcript,
    Utterance,
    unlimited,
)
from roundelay.voice.style import PLAIN, Style
from roundelay.voice.tempo import paced
from roundelay.voice.voices import Voice

NOTHING_HEARD = Response("I heard nothing.")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Engines that work together. Threads may share it; `dataclasses.replace` puts another engine in.

    Call the engines through its methods: they check capabilities and results (`voice.engines.guard`), so that whatever
    an engine does wrong is one `EngineError`.
    """

    transcriber: Transcriber
    responder: Responder
    synthesizer: Synthesizer
    end_of_turn: EndOfTurn
    limits: guard.Limits = guard.DEFAULT_LIMITS

    @classmethod
    def load(
        cls,
        transcriber: str | None = DEFAULT,
        responder: str | None = DEFAULT,
        synthesizer: str | None = DEFAULT,
        end_of_turn: str | None = DEFAULT,
        *,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Pipeline:
        """Engines by their names in `voice.engines.registry`; None loads none for a role that will not be called.

        An engine named for several roles is loaded once. `settings` are the engines' own, by the engine's name:
        `{"nano": {"warm": True}}`. Raises what `registry.load` raises.
        """
        named: dict[EngineRole, str | None] = {
            "transcriber": transcriber,
            "responder": responder,
            "synthesizer": synthesizer,
            "end_of_turn": end_of_turn,
        }
        every = settings or {}
        return cls.of({role: EngineChoice(name, every.get(name) or {}) for role, name in named.items() if name})

    @classmethod
    def of(cls, choices: Mapping[EngineRole, EngineChoice]) -> Pipeline:
        """The engines chosen for these roles; none is loaded for the others. The same choice in several roles is loaded
        once. Raises what `registry.load` raises.
        """
        engines: dict[EngineRole, Any] = dict.fromkeys(registry.ROLES, AbsentEngine())
        different: list[EngineChoice] = []
        for choice in choices.values():
            if choice not in different:
                different.append(choice)
        for choice in different:
            roles = [role for role, chosen in choices.items() if chosen == choice]
            engines |= registry.load(choice.name, roles, choice.settings)
        return cls(**engines)

    def stream(
        self,
        text: str | Utterance,
        voice: Voice | None = None,
        style: Style = PLAIN,
        seed: int = 0,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Iterator[Audio]:
        """Yield the audio of a text in blocks as it is made, at the synthesizer's rate.

        A speed that the synthesizer does not have itself is made of its own speech (`voice.tempo`).
        Raises `MissingCapability` for a style or voice that the synthesizer does not have, `BadInput` for a text that
        cannot be read aloud, `EngineError` where the synthesizer fails.
        """
        utterance = text if isinstance(text, Utterance) else Utterance(text, voice, style, seed)
        speed = utterance.style.speed
        if speed == 1 or Capability.SPEED in self.synthesizer.capabilities:
            return guard.synthesize(self.synthesizer, utterance, options, self.limits)
        plain = replace(utterance, style=replace(utterance.style, speed=1.0))
        return paced(guard.synthesize(self.synthesizer, plain, options, self.limits), speed)

    def say(
        self,
        text: str | Utterance,
        voice: Voice | None = None,
        style: Style = PLAIN,
        seed: int = 0,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Audio:
        """The whole audio of a text. More renderings are tried than by `stream`, whose first audio is urgent.

        Raises what `stream` raises, and `EngineError` where it was cancelled before the first audio.
        """
        patient = replace(options, candidates=options.candidates or unlimited)
        blocks = list(self.stream(text, voice, style, seed, patient))
        if not blocks:
            raise EngineError(self.synthesizer.name, "synthesizer", "was cancelled before its first audio", "nothing")
        return Audio(np.concatenate([block.samples for block in blocks]), blocks[0].rate)

    def voices(self) -> tuple[Voice, ...]:
        """The synthesizer's own voices, the default first. Raises `EngineError` where it fails."""
        return guard.voices(self.synthesizer, self.limits)

    def transcribe(self, audio: Audio | AudioFile, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """What was said in a recording; its text is "" where no one speaks.

        A file, and audio of more than half a minute, is transcribed in pieces (`voice.engines.piecewise`).
        """
        return piecewise.transcribe(self.transcriber, audio, options, self.limits)

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[str | ToolCall | Response]:
        """Yield the reply to a request as it comes. Raises `EngineError`, and `MissingCapability` for tools."""
        return guard.reply(self.responder, request, options, self.limits)

    def respond(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Response:
        """The whole response to a request."""
        whole = Response("")
        for part in self.reply(request, options):
            if isinstance(part, ToolCall):
                part = Response("", (part,))
            elif isinstance(part, str):
                part = Response(part)
            whole = Response(whole.text + part.text, whole.calls + part.calls, part.skill or whole.skill)
        return whole

    def ask(
        self,
        question: Audio | AudioFile | str,
        voice: Voice | None = None,
        style: Style = PLAIN,
        seed: int = 0,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Reply:
        """The reply to a spoken or written question; its audio is made when it is asked for."""
        written = isinstance(question, str)
        transcript = Transcript(question) if isinstance(question, str) else self.transcribe(question, options)
        request = Request(transcript.text, style=style, transcript=None if written else transcript)
        response = self.respond(request, options) if transcript.text else NOTHING_HEARD
        return Reply(transcript, response, self, Utterance(response.text, voice, style, seed))

    def end_of_turn_probability(self, text: str) -> float | None:
        """How probable (0 to 1) it is that nothing must follow the words so far; None if unknown.

        A responder that chats may be asked anything; another one only what its domain holds.
        """
        domain_only = Capability.CHAT not in self.responder.capabilities
        return guard.end_of_turn(self.end_of_turn, text, domain_only, self.limits)


@dataclass(frozen=True, slots=True)
class Reply:
    """What was asked and what is answered. `utterance` is what `audio` says of it."""

    transcript: Transcript
    response: Response
    pipeline: Pipeline
    utterance: Utterance

    def audio(self, options: CallOptions = DEFAULT_OPTIONS) -> Audio:
        """The whole audio of the reply."""
        return self.pipeline.say(self.utterance, options=options)
