"""The codec under test: audio to tokens and back, and the vocoder alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.decoder import griffinlim, vocoder
from roundelay.voice.decoder.flow import DEFAULT_SAMPLING, Sampling
from roundelay.voice.decoder.speaker import SpeakerEncoder
from roundelay.voice.decoder.stream import Decoder
from roundelay.voice.graphs import graph
from roundelay.voice.tokenizer import frontend
from roundelay.voice.tokenizer.dual import Tokenizer
from roundelay.voice.tokenizer.phone_recognizer import PhoneRecognizer
from roundelay.voice.voices import Voice

RATE_HZ = frontend.RATE_HZ


@dataclass(frozen=True)
class Codec:
    """Tokenizer, decoder, speaker encoder and phone recognizer, from the package or from a folder of weights."""

    weights: Path | None = None
    sampling: Sampling = DEFAULT_SAMPLING

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Audio to tokens."""
        return Tokenizer.load(self.weights)

    @cached_property
    def decoder(self) -> Decoder:
        """Tokens to audio."""
        return replace(Decoder.load(self.weights), sampling=self.sampling)

    @cached_property
    def encoder(self) -> SpeakerEncoder:
        """Audio to a voice's vector."""
        return SpeakerEncoder.load(self.weights)

    @cached_property
    def phone_recognizer(self) -> PhoneRecognizer:
        """Tokens to phones."""
        return PhoneRecognizer.load(self.weights)

    def voice_of(self, *audios: Audio) -> Voice:
        """The voice of recordings at 16 kHz, taken together."""
        return Voice(vector=self.encoder.embed(self.join(*audios)))

    def join(self, *audios: Audio) -> Audio:
        """Recordings at 16 kHz, one after another."""
        return Audio(np.concatenate([audio.samples for audio in audios]), RATE_HZ)

    def resynthesize(self, audio: Audio, voice: Voice | None) -> Audio:
        """Audio at 16 kHz through the tokens and back, in a voice (None: the first), at the original's length."""
        made = self.decoder.decode(self.tokenizer.encode(audio), voice)
        return Audio(made.samples[: audio.samples.size], RATE_HZ)

    def vocode(self, audio: Audio) -> Audio:
        """Through the mel frames and back, without tokens: what the vocoder alone loses."""
        network = graph("vocoder", self.weights)
        state = vocoder.opening(network)
        mel = frontend.log_mel(audio.samples)
        parts = [vocoder.samples(state, network, mel), vocoder.samples(state, network, vocoder.ending())]
        return Audio(np.concatenate(parts)[: audio.samples.size], RATE_HZ)

    def griffin_lim(self, audio: Audio) -> Audio:
        """The same by Griffin-Lim."""
        return Audio(griffinlim.invert(frontend.log_mel(audio.samples))[: audio.samples.size], RATE_HZ)
