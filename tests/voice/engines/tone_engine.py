"""An engine of others in every role: a tone for each word. Of this project it imports nothing but `Audio`."""

import numpy as np

from roundelay.voice.audio import Audio


class ToneEngine:
    name, capabilities = "tone", frozenset({"tools"})

    def __init__(self, rate_hz=22_050):
        self.rate_hz = rate_hz

    def transcribe(self, audio, options=None):
        return f"{audio.duration_s:.1f} seconds" if np.abs(audio.samples).max() > 0.01 else ""

    def reply(self, request, options=None):
        yield from ("You said ", f"{request.text}.")

    def voices(self):
        return ()

    def synthesize(self, utterance, options=None):
        for _ in utterance.text.split():
            yield Audio(0.3 * np.sin(np.arange(self.rate_hz // 10) * 2 * np.pi * 440 / self.rate_hz), self.rate_hz)

    def probability(self, text, domain_only):
        return 0.9 if text.endswith("over") else None
