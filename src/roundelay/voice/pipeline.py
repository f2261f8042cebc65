"""Four engines joined: transcriber, responder, synthesizer and end-of-turn model (ours).

pipeline = Pipeline.load()
pipeline.say("It is 9:05.").write("out.wav")
pipeline.transcribe(Audio.read("in.wav")).text
reply = pipeline.ask(Audio.read("question.wav"))     # reply.transcript, reply.response, reply.audio()
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import (
    DEFAULT_OPTIONS,
    CallOptions,
    EndOfTurn,
    Request,
    Responder,
    Response,
    Synthesizer,
    ToolCall,
    Transcriber,
    Transcript,
    Utterance,
)
from roundelay.voice.style import PLAIN, Style
from roundelay.voice.voices import Voice

if TYPE_CHECKING:
    from roundelay.voice.engines.nano.weights import NanoWeights

NOTHING_HEARD = Response("I heard nothing.")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Engines that work together. Threads may share it; `dataclasses.replace` puts another engine in."""

    transcriber: Transcriber
    responder: Responder
    synthesizer: Synthesizer
    end_of_turn: EndOfTurn

    @classmethod
    def load(cls, *, warm: bool = False) -> Pipeline:
        """The nano engine in every role. `warm` also does what is slow at an engine's first call."""
        from roundelay.voice.engines.nano.weights import NanoWeights

        return cls.nano(NanoWeights.load(warm=warm))

    @classmethod
    def nano(cls, weights: NanoWeights) -> Pipeline:
        """The nano engine with weights of other folders."""
        from roundelay.voice.engines.nano.end_of_turn import NanoEndOfTurn
        from roundelay.voice.engines.nano.recognizer import NanoTranscriber
        from roundelay.voice.engines.nano.responder import NanoResponder
        from roundelay.voice.engines.nano.synthesizer import NanoSynthesizer

        return cls(NanoTranscriber(weights), NanoResponder(), NanoSynthesizer(weights), NanoEndOfTurn(weights.lexicon))

    def stream(
        self,
        text: str | Utterance,
        voice: Voice | None = None,
        style: Style = PLAIN,
        seed: int = 0,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Iterator[Audio]:
        """Yield the audio of a text in blocks as it is made, at the synthesizer's rate."""
        utterance = text if isinstance(text, Utterance) else Utterance(text, voice, style, seed)
        return self.synthesizer.synthesize(utterance, options)

    def say(
        self,
        text: str | Utterance,
        voice: Voice | None = None,
        style: Style = PLAIN,
        seed: int = 0,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Audio:
        """The whole audio of a text. More renderings are tried than by `stream`, for nobody waits for its beginning."""
        patient = replace(options, candidates=options.candidates or _as_many_as_help)
        blocks = list(self.stream(text, voice, style, seed, patient))
        if not blocks:
            raise no_audio(text.text if isinstance(text, Utterance) else text)
        return Audio(np.concatenate([block.samples for block in blocks]), blocks[0].rate)

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """What was said in a recording; its text is "" where nobody speaks."""
        return self.transcriber.transcribe(audio, options)

    def respond(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Response:
        """The whole response to a request."""
        whole = Response("")
        for part in self.responder.reply(request, options):
            if isinstance(part, Response):
                return part
            if isinstance(part, ToolCall):
                whole = replace(whole, calls=(*whole.calls, part))
            else:
                whole = replace(whole, text=whole.text + part)
        return whole

    def ask(
        self,
        question: Audio | str,
        voice: Voice | None = None,
        style: Style = PLAIN,
        seed: int = 0,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Reply:
        """The reply to a spoken or written question; its audio is made when it is asked for."""
        transcript = Transcript(question) if isinstance(question, str) else self.transcribe(question, options)
        heard = bool(transcript.text)
        response = self.respond(Request(transcript.text, style=style), options) if heard else NOTHING_HEARD
        return Reply(transcript, response, self, Utterance(response.text, voice, style, seed))


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


def no_audio(text: str) -> BadInput:
    """The error of a text that was read, but of which no audio came."""
    return BadInput("text", repr(text[:40]), "gave no sound; say it in other words")


def _as_many_as_help() -> int:
    return sys.maxsize
