"""Audio to tokens of both codebooks, at once or as it arrives.

A stream is the only implementation: `encode` feeds a stream in blocks, so that both see exactly the same, and an hour
in a file needs no more memory than half a minute. Look-ahead: 80 ms beyond the 120 ms of a group (ours).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import AudioFile, soxr
from roundelay.voice.graphs import Graph, graph
from roundelay.voice.stream import FinishedStream
from roundelay.voice.tokenizer import frontend
from roundelay.voice.tokenizer.fsq import LINGUISTIC, SEMANTIC
from roundelay.voice.tokens import Tokens
from roundelay.voice.vocab import VOCAB

LEAD, AHEAD = (
    4,
    8,
)  # mel frames of silence before the first, and of look-ahead; must equal the trained network's
GROUP_FRAMES = VOCAB.group_ms * frontend.RATE_HZ // 1000 // frontend.HOP  # 12
GROUP_SAMPLES = GROUP_FRAMES * frontend.HOP  # 1,920


@dataclass(slots=True)
class State:
    """The state of one stream; the weights have none."""

    cache: np.ndarray
    frontend: frontend.LogMelStream = field(default_factory=frontend.LogMelStream)
    frames: np.ndarray = field(default_factory=lambda: np.full((LEAD, frontend.BANDS), frontend.SILENCE, np.float32))
    samples: int = 0
    opening: bool = True
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """16 kHz audio to groups of [v02, v02, v06, v06, v06] every 120 ms."""

    network: Graph

    @classmethod
    def load(cls, weights: Path | None = None) -> Tokenizer:
        """The tokenizer in the package, or in a folder of weights; raises `DamagedWeightsError`."""
        return cls(graph("tokenizer", weights))

    def encode(self, audio: Audio | AudioFile) -> Tokens:
        """The tokens of audio at any rate: one group for every 120 ms begun, the last padded with silence."""
        return self.encode_blocks(audio.blocks(frontend.RATE_HZ))

    def encode_blocks(self, blocks: Iterable[np.ndarray]) -> Tokens:
        """The tokens of audio at 16 kHz that comes in blocks float32 [n]."""
        stream = self.stream()
        parts = [stream.push(block) for block in blocks]
        return Tokens.empty().join(*parts, stream.finish())

    def stream(self, rate: int = frontend.RATE_HZ) -> TokenizerStream:
        """A new stream of samples at `rate` Hz."""
        return TokenizerStream(self.network, rate)


class TokenizerStream:
    """Tokens as audio arrives: `push` samples, `finish` once."""

    def __init__(self, network: Graph, rate: int = frontend.RATE_HZ) -> None:
        self._network = network
        self.state = State(network.zeros("cache"))
        self._resampler = _resampler(rate)

    def push(self, samples: np.ndarray) -> Tokens:
        """The tokens that these samples (float [n], mono, within [-1, 1]) complete; often none.

        Raises `BadInput` for samples of another shape or not finite, and for a finished stream; the state is
        unchanged.
        """
        if self.state.finished:
            raise FinishedStream
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise BadInput("samples of shape", samples.shape, "must be one dimension, finite")
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return self._feed(samples)

    def finish(self) -> Tokens:
        """The last tokens; the last group is padded with silence. The stream takes no more samples then."""
        state = self.state
        if state.finished:
            raise FinishedStream
        tail = Tokens.empty()
        if self._resampler is not None:
            tail = self._feed(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        state.finished = True
        if not state.samples:
            return tail
        missing = -state.samples % GROUP_SAMPLES + AHEAD * frontend.HOP
        return tail.join(self._feed(np.zeros(missing, np.float32)))

    def _feed(self, samples: np.ndarray) -> Tokens:
        state = self.state
        state.samples += len(samples)
        state.frames = np.concatenate([state.frames, state.frontend.push(samples)])
        groups = len(state.frames) // GROUP_FRAMES
        if not groups:
            return Tokens.empty()
        ready, state.frames = np.split(state.frames, [groups * GROUP_FRAMES])
        linguistic, semantic, state.cache = self._network(mel=frontend.normal(ready)[None], cache=state.cache)
        skip = int(state.opening)  # the first group is the silence before the audio
        state.opening = False
        v02 = LINGUISTIC.codes(linguistic[0, skip * VOCAB.linguistic_per_group :])
        v06 = SEMANTIC.codes(semantic[0, skip * VOCAB.semantic_per_group :])
        return Tokens.interleave(v02, v06)


def _resampler(rate: int):  # type: ignore[no-untyped-def]  # soxr has no types
    if rate == frontend.RATE_HZ:
        return None
    return soxr().ResampleStream(rate, frontend.RATE_HZ, 1, dtype="float32")
