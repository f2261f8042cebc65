# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay[voice]"]
# ///
"""An engine of my own, known by its name: a voice of Morse code at 22.05 kHz: python examples/06_my_own_engine.py

A package offers its engine to every Roundelay by an entry point instead of `register`:

    [project.entry-points."roundelay.engines"]
    morse = "my_package:SPEC"
"""

from collections.abc import Iterator

import numpy as np

from roundelay import Audio, Pipeline
from roundelay.errors import BadInput
from roundelay.voice.engines.registry import register
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, EngineSpec, Utterance

CODE = dict(zip("AEHILMNOST", (".-", ".", "....", "..", ".-..", "--", "-.", "---", "...", "-"), strict=True))
UNIT_S = 0.06  # a dot; a dash is three, a pause between letters two more than the one behind each sign


class Morse:
    """A synthesizer is a rate, its voices, and the sound of an utterance in blocks."""

    name, capabilities, rate_hz = "morse", frozenset(), 22_050

    def voices(self) -> tuple[()]:
        return ()

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        for letter in utterance.text.upper():
            if options.cancelled():
                return
            tones = [
                np.concatenate([self.tone(3 if sign == "-" else 1), self.silence(1)]) for sign in CODE.get(letter, "")
            ]
            yield Audio(np.concatenate([*tones, self.silence(2)]), self.rate_hz)

    def tone(self, units: int) -> np.ndarray:
        time_s = np.arange(int(units * UNIT_S * self.rate_hz)) / self.rate_hz
        return 0.4 * np.sin(2 * np.pi * 600 * time_s)

    def silence(self, units: int) -> np.ndarray:
        return np.zeros(int(units * UNIT_S * self.rate_hz))


register(EngineSpec("morse", {"synthesizer": frozenset()}, lambda roles: {"synthesizer": Morse()}))

pipeline = Pipeline.load(transcriber=None, synthesizer="morse")  # the others are the embedded ones; None loads none
audio = pipeline.say("SOS")
audio.write("sos.wav", force=True)
print(f"{audio.duration_s:.2f} s at {audio.rate} Hz")
print("answer, spoken in Morse:", pipeline.ask("What is twelve times seven?").response.text)

try:
    Pipeline.load(synthesizer="mores")
except BadInput as error:
    print(error)
