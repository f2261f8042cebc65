"""Tokens to audio, at once or as they arrive.

A stream is the only implementation: `decode` feeds a stream in blocks. The look-ahead is 110 ms: prior 40, flow 20,
vocoder 20, overlap-add 30; so the first group of 120 ms gives the first 10 ms of audio. The rate is the TTS teachers',
16 kHz; nothing above 8 kHz could be learnt from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.decoder import flow, griffinlim, vocoder
from roundelay.voice.decoder.flow import DEFAULT_SAMPLING, Sampling
from roundelay.voice.decoder.voices import vector_of
from roundelay.voice.graphs import Graph, graph
from roundelay.voice.stream import FinishedStream
from roundelay.voice.tokenizer.frontend import HOP, RATE_HZ
from roundelay.voice.tokens import Tokens
from roundelay.voice.vocab import VOCAB
from roundelay.voice.voices import Voice

AHEAD_MS = 20 * (flow.PRIOR_AHEAD + flow.FLOW_AHEAD) + 10 * (vocoder.AHEAD + vocoder.OVERLAP)  # 110
BLOCK_GROUPS = 50  # `blocks` feeds the stream six seconds at a time
GROUP_SAMPLES = VOCAB.group_ms * RATE_HZ // 1000
ENGINES = ("network", "griffin-lim")


@dataclass(frozen=True, slots=True)
class Decoder:
    """Tokens and a voice to 16 kHz audio. `network` is None where Griffin-Lim replaces the neural vocoder."""

    prior: Graph
    flow: Graph
    network: Graph | None
    weights: Path | None = None
    sampling: Sampling = DEFAULT_SAMPLING

    @classmethod
    def load(cls, weights: Path | None = None, vocoder: str = "network") -> Decoder:
        """The decoder in the package, or in a folder of weights; `vocoder` is network or griffin-lim."""
        if vocoder not in ENGINES:
            raise BadInput("vocoder", vocoder, f"is unknown; known: {', '.join(ENGINES)}")
        last = graph("vocoder", weights) if vocoder == "network" else None
        return cls(graph("prior", weights), graph("flow", weights), last, weights)

    def decode(self, tokens: Tokens, voice: Voice | None = None) -> Audio:
        """The audio of tokens, 1,920 samples a group, in a voice (None: the default one).

        Raises `BadInput` for no tokens and for an unknown voice.
        """
        return Audio(np.concatenate(list(self.blocks(tokens, voice))), RATE_HZ)

    def blocks(self, tokens: Tokens, voice: Voice | None = None) -> Iterator[np.ndarray]:
        """Yield the samples float32 [n] of tokens in blocks of six seconds. Raises as `decode` does."""
        if not len(tokens):
            raise BadInput("tokens", "none", "cannot be decoded; give at least one group of five")
        stream, block = self.stream(voice), BLOCK_GROUPS * VOCAB.group
        for at in range(0, len(tokens), block):
            yield stream.push(tokens.ids[at : at + block])
        yield stream.finish()

    def stream(self, voice: Voice | None = None) -> DecoderStream:
        """A new stream in a voice."""
        return DecoderStream(self, vector_of(voice, self.weights))


class DecoderStream:
    """Audio as tokens arrive: `push` ids, `finish` once. The state is here, never in the weights."""

    def __init__(self, decoder: Decoder, voice: np.ndarray) -> None:
        self._decoder, self._voice = decoder, voice
        self._flow = flow.opening(decoder.prior, decoder.flow, decoder.sampling)
        self._vocoder = vocoder.opening(decoder.network) if decoder.network is not None else None
        self._frames: list[np.ndarray] = []
        self._waiting = np.zeros(0, np.int64)
        self._groups = self._given = 0
        self._finished = False

    def push(self, ids: np.ndarray | Tokens) -> np.ndarray:
        """The samples float32 [n] at 16 kHz that these ids complete; n may be zero while a group is
        incomplete.

        Ids may come in any pieces, even one by one. Raises `BadInput` for an id out of range or
        pattern, and for a stream that is finished; the state is then as before.
        """
        if self._finished:
            raise FinishedStream
        given = ids.ids if isinstance(ids, Tokens) else np.asarray(ids).reshape(-1)
        line = np.concatenate([self._waiting, given.astype(np.int64)])
        whole = len(line) // VOCAB.group * VOCAB.group
        Tokens.part(line)
        tokens, self._waiting = Tokens(line[:whole]), line[whole:]
        self._groups += tokens.groups
        return self._sound(tokens)

    def finish(self) -> np.ndarray:
        """The last samples; an incomplete group is dropped. The stream takes no more tokens then."""
        if self._finished:
            raise FinishedStream
        self._finished = True
        if not self._groups:
            return np.zeros(0, np.float32)
        return self._sound(None)

    def _sound(self, tokens: Tokens | None) -> np.ndarray:
        decoder = self._decoder
        mel = flow.frames(self._flow, decoder.prior, decoder.flow, tokens, self._voice)
        if decoder.network is None or self._vocoder is None:
            self._frames.append(mel)
            return griffinlim.invert(np.concatenate(self._frames)) if tokens is None else np.zeros(0, np.float32)
        if tokens is None:
            mel = np.concatenate([mel, vocoder.ending()])
        wave = vocoder.samples(self._vocoder, decoder.network, mel)
        self._given += len(wave)
        assert self._given <= self._groups * GROUP_SAMPLES, HOP
        return wave
