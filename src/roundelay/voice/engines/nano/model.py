"""The embedded model whole: it hears, answers and speaks, offline, on one core, without torch.

model = Model.load()
model.say("It is 9:05.").write("out.wav")
model.transcribe(Audio.read("in.wav"))
model.ask(Audio.read("question.wav"))     # Reply(heard, text, call)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.decoder.stream import Decoder
from roundelay.voice.decoder.voices import VoiceLike
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.ctc_decoder import beam_search
from roundelay.voice.engines.nano.dictation import Dictation
from roundelay.voice.engines.nano.generate import SpeechGenerator, ctc_score, generate
from roundelay.voice.engines.nano.lexicon import Lexicon
from roundelay.voice.engines.nano.segments import segments
from roundelay.voice.graphs import PACKAGED, DamagedWeightsError, checked, manifest
from roundelay.voice.lm.engine import Engine, never
from roundelay.voice.lm.onnx_engine import OnnxEngine
from roundelay.voice.nlu.domain.fabric import FabricFacts
from roundelay.voice.nlu.end_of_query import complete
from roundelay.voice.nlu.skills import Call, answer
from roundelay.voice.nlu.understand import understand
from roundelay.voice.text.chunks import pieces
from roundelay.voice.text.normalise import normalise
from roundelay.voice.tokenizer.dual import Tokenizer
from roundelay.voice.tokenizer.frontend import RATE_HZ
from roundelay.voice.tokenizer.phone_recognizer import PHONES, PhoneRecognizer
from roundelay.voice.tokenizer.text import Symbol
from roundelay.voice.tokens import Tokens
from roundelay.voice.vocab import VOCAB

WEIGHTS = PACKAGED / "lm"
FILE = "lm.onnx"
TRIES = 4  # ways to say the next words, of which the clearest is kept
UNKNOWN = "I did not understand that."
Show = Callable[[list[Any]], Iterable[Any]]  # gives the pieces of a long work on one by one, as a progress bar does


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply's text, and the call that a question was understood as (None: it was none of the domain)."""

    text: str
    call: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What was heard, what is said to it, and the call behind it."""

    heard: str
    text: str
    call: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """Ears, language model and mouth. Threads may share it: what is heard and said is kept in sessions of their own."""

    engine: Engine
    tokenizer: Tokenizer
    recognizer: PhoneRecognizer
    words: Lexicon
    decoder: Decoder
    pronounce: Callable[[str], list[tuple[int, ...]]]
    clock: Callable[[], datetime] = field(default=datetime.now)

    @classmethod
    def load(cls, weights: Path | None = None, codec: Path | None = None) -> Model:
        """The model in the package, or of other folders; raises `DamagedWeightsError` for a file altered, of another
        tokenizer, or of another shape.
        """
        folder = weights or WEIGHTS
        data = checked(FILE, folder)
        codes = checked("tokenizer.onnx", codec)
        if manifest(folder).get("tokenizer") != hashlib.sha256(codes).hexdigest():
            raise DamagedWeightsError(folder / FILE, "learnt the codes of another tokenizer")
        engine = OnnxEngine(data)
        if engine.shape.vocab != vocabulary.NANO.size:
            raise DamagedWeightsError(
                folder / FILE, f"is of another shape: {engine.shape.vocab:,} ids, not {vocabulary.NANO.size:,}"
            )
        words, sound = Lexicon.load(folder), (Tokenizer.load(codec), PhoneRecognizer.load(codec))
        return cls(engine, *sound, words, Decoder.load(codec), words.pronunciations())

    def warm(self) -> None:
        """Do now what is slow the first time: compile the search, make the tables of questions."""
        silence = np.zeros((VOCAB.group, len(PHONES) + 1), np.float32)
        beam_search(self.words, silence)
        ctc_score(silence, [1])
        self.complete("what time is it")

    def say(self, text: str, voice: VoiceLike = None, seed: int = 0, show: Show = iter) -> Audio:
        """The sound of a text at 16 kHz; raises `BadInput` for a text that cannot be read aloud, or a seed below 0.

        Nobody waits for its beginning, so that more ways of saying it are tried than by `say_stream`.
        """
        parts = list(self.say_stream(text, voice, seed, ways=lambda: TRIES, show=show))
        if not parts:
            raise no_sound(text)
        return Audio(np.concatenate(parts), RATE_HZ)

    def say_stream(
        self,
        text: str,
        voice: VoiceLike = None,
        seed: int = 0,
        cancelled: Callable[[], bool] = never,
        ways: Callable[[], int] | None = None,
        show: Show = iter,
    ) -> Iterator[np.ndarray]:
        """Yield the sound of a text as it is made, float32 at 16 kHz; `cancelled` is asked before every token.

        Of several ways to say the next two words the clearest is kept. `ways` is asked how many there is time for.
        Without it there are one, two, up to four: the first sound comes soon, and a seed gives one sound.
        """
        _check_seed(seed)
        parts = pieces(text)  # the whole text is checked before the first sound
        mouth = self.decoder.stream(vocabulary.VOICES[0] if voice is None else voice)
        for number, piece in enumerate(show(parts)):
            words = piece.split()
            speaking = SpeechGenerator(self.engine, self.engine.open(), words, seed + number, cancelled, self.pronounce)
            for ids in generate(speaking, _manner(voice), self._phones, _ways(ways, hurry=number == 0)):
                sound = mouth.push(vocabulary.audio_ids(ids))
                if len(sound):
                    yield sound
            if cancelled():
                return
        rest = mouth.finish()
        if len(rest):
            yield rest

    def _phones(self, groups: list[list[int]]) -> np.ndarray:
        """Log-probabilities [T, 40] of the phones in groups of the embedded model's codes."""
        return self.recognizer.recognize(Tokens(vocabulary.audio_ids([i for group in groups for i in group])))

    def transcribe(self, audio: Audio, cancelled: Callable[[], bool] = never, show: Show = iter) -> str:
        """The words said, lower-case; empty where nobody speaks. `cancelled` is asked before every twelve seconds."""
        heard = (self._hear(part) for part in show(segments(audio.resample(RATE_HZ))) if not cancelled())
        return " ".join(text for text in heard if text)

    def _hear(self, audio: Audio) -> str:
        """What is said in up to twelve seconds of sound."""
        found = beam_search(self.words, self.recognizer.recognize(self.tokenizer.encode(audio)))
        return found[0].text if found else ""

    def write_down(self, audio: Audio) -> str:
        """What the language model alone writes down of up to twelve seconds of sound: no search, no list of words."""
        tokens = self.tokenizer.encode(audio.resample(RATE_HZ))
        phones = vocabulary.phone_onsets(self.recognizer.recognize(tokens))
        dictation = Dictation(self.engine, self.engine.open())
        for group, codes in enumerate(np.reshape(vocabulary.code_ids(tokens), (-1, VOCAB.group)).tolist()):
            dictation.push_group(codes, [phone for phone, at in phones if at == group])
        return dictation.finish()

    def complete(self, text: str, known: bool = True) -> float:
        """How probable (0 to 1) it is that nothing must follow heard words; `known`: only the domain is answered."""
        return complete(self.words, text, known)

    def _write(self, prompt: Sequence[int], limit: int, cancelled: Callable[[], bool]) -> Iterator[int]:
        """The likeliest characters and call after a prompt."""
        session = self.engine.open()
        logits = self.engine.prefill(session, prompt, cancelled)
        for _ in range(limit):
            if logits is None or cancelled():
                return
            token = int(np.argmax(logits[: vocabulary.FIRST_PHONE]))
            if token in (Symbol.EOT, Symbol.CALL_END):
                return
            yield token
            logits = self.engine.step(session, token)

    def called(self, words: str) -> Call | None:
        """The call that the language model writes after a question in normalised words; None where that is none."""
        try:
            return Call.parse(vocabulary.text_of(self._write(vocabulary.question_prompt(words), 90, never)).strip())
        except BadInput:
            return None

    def answer(self, text: str, history: Sequence[object] = (), fabric: FabricFacts | None = None) -> Answer:
        """The reply to a question, by the call its words are nearest to; what is none of them is not understood."""
        call = understand(normalise(text))
        if call is None:
            return Answer(UNKNOWN)
        return Answer(answer(call, self.clock(), fabric or FabricFacts()), str(call))

    def ask(self, audio: Audio, fabric: FabricFacts | None = None, cancelled: Callable[[], bool] = never) -> Reply:
        """What was heard in a spoken question, and the reply."""
        heard = self.transcribe(audio, cancelled)
        if not heard:
            return Reply("", "I heard nothing.", None)
        found = self.answer(heard, fabric=fabric)
        return Reply(heard, found.text, found.call)


def no_sound(text: str) -> BadInput:
    """The error of a text that was read, but of which no sound came."""
    return BadInput("text", repr(text[:40]), "gave no sound; say it in other words")


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise BadInput("seed", seed, "must be 0 or more")


def _ways(ways: Callable[[], int] | None, hurry: bool) -> Callable[[int], int]:
    """How many ways to say a piece's n-th words are tried."""
    if ways is not None:
        return lambda n: min(TRIES, ways())
    return lambda n: min(TRIES, n + 1) if hurry else TRIES


def _manner(voice: VoiceLike) -> str | None:
    """The way of speaking that goes with a voice: its own where it has one, else the first."""
    return voice if isinstance(voice, str) and voice in vocabulary.VOICES else None
