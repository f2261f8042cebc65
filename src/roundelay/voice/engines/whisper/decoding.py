"""One window of sound through Whisper's encoder and decoder: words with times, or the need of another try (ours).

Whisper was trained on windows of 30 s, padded where less was said. The encoder's cost grows with the window, so it is
cut to what there is, with half a second of silence behind: from 12 s on it hardly errs more (docs/log.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roundelay.voice.engines.whisper.model import OpenModel
from roundelay.voice.engines.whisper.repetition import Repetition, find_repetition

RATE_HZ, FRAMES_PER_S = 16_000, 100
FULL_S = 30.0  # the window of training
SHORTEST_S, BEHIND_S = 12.0, 0.5  # of a cut window; of silence behind the sound
BEFORE_S = 0.3  # of silence before it: a word that begins the window is misheard twice as often (docs/log.md)
TIMESTAMP_S = 0.02
TOKENS_PER_S, MORE_TOKENS = 8, 12  # bounds what may be written: people say five tokens a second
MAX_TOKENS = 220  # of one window, half of what the decoder can hold
NO_SPEECH, UNSURE = 0.6, -1.0  # OpenAI's thresholds: probability of no speech; mean log-probability of a token


@dataclass(frozen=True, slots=True)
class Span:
    """Text tokens between two time stamps, in seconds from the start of the sound."""

    tokens: tuple[int, ...]
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was written for a window. `encoded` is the encoder's output, for the alignment of words.

    `next_s` is where the words go on that this try did not reach, None where it reached the end.
    """

    spans: tuple[Span, ...]
    log_probability: float
    no_speech: float
    next_s: float | None
    repetition: Repetition | None
    encoded: Any
    frames: int

    @property
    def spoken(self) -> bool:
        """Whether there were words at all."""
        return bool(self.spans) and not (self.no_speech > NO_SPEECH and self.log_probability < UNSURE)


def encode(model: OpenModel, samples: np.ndarray, shortest_s: float) -> tuple[Any, int]:
    """The encoder's output for at most 30 s of sound at 16 kHz in a window of at least `shortest_s`; its frames."""
    wanted = max(shortest_s, BEFORE_S + len(samples) / RATE_HZ + BEHIND_S)
    frames = 2 * math.ceil(min(FULL_S, wanted) * FRAMES_PER_S / 2)  # the encoder takes frames in pairs
    sound = np.pad(samples, (round(BEFORE_S * RATE_HZ), round(BEHIND_S * RATE_HZ)))
    features = model.whisper.feature_extractor(sound)[:, :frames]
    features = np.pad(features, ((0, 0), (0, frames - features.shape[1])))
    return model.whisper.encode(features.astype(np.float32)), frames


def decode(
    model: OpenModel, tokenizer: Any, encoded: tuple[Any, int], duration_s: float, beam: int, hint: str = ""
) -> Decoded:
    """What is written for an encoded window with `duration_s` of sound in it.

    `hint` is what was said before, or words that are likely; it is read and not written.
    """
    from faster_whisper.transcribe import get_suppressed_tokens

    output, frames = encoded
    prompt = list(tokenizer.sot_sequence)
    if hint:
        prompt = [tokenizer.sot_prev, *tokenizer.encode(" " + hint), *prompt]
    limit = min(MAX_TOKENS, MORE_TOKENS + round(TOKENS_PER_S * duration_s))
    found = model.whisper.model.generate(
        output,
        [prompt],
        beam_size=beam,
        max_length=len(prompt) + limit,
        return_scores=True,
        return_no_speech_prob=True,
        suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        max_initial_timestamp_index=round(1.0 / TIMESTAMP_S),
    )[0]
    tokens = found.sequences_ids[0]
    log_probability = found.scores[0] * len(tokens) / (len(tokens) + 1)
    spans, next_s = _spans(tokens, tokenizer.timestamp_begin, tokenizer.eot, duration_s)
    words = tokenizer.split_to_word_tokens([token for span in spans for token in span.tokens])
    repetition = find_repetition(words[0])
    if repetition is not None and repetition.endless:
        count = sum(map(len, words[1][: repetition.kept]))
        spans, next_s = _head(spans, count), None
    return Decoded(spans, log_probability, found.no_speech_prob, next_s, repetition, output, frames)


def _spans(tokens: Sequence[int], stamp: int, end: int, duration_s: float) -> tuple[tuple[Span, ...], float | None]:
    """Text between time stamps, and where the words go on: behind two stamps in a row at the end.

    Text that begins behind the end of the sound is none.
    """
    found: list[Span] = []
    text: list[int] = []
    start_s, stamps = 0.0, 0
    for token in tokens:
        if token >= stamp:
            at_s, stamps = max(0.0, (token - stamp) * TIMESTAMP_S - BEFORE_S), stamps + 1
            if text:
                found.append(Span(tuple(text), start_s, min(max(at_s, start_s), duration_s)))
                text = []
            start_s = at_s
        elif token < end:
            text.append(token)
            stamps = 0
    if text:
        found.append(Span(tuple(text), start_s, duration_s))
    kept = tuple(span for span in found if span.start_s < duration_s)
    goes_on = stamps >= 2 and bool(kept) and TIMESTAMP_S < start_s < duration_s - 2 * BEHIND_S
    return kept, start_s if goes_on else None


def _head(spans: Sequence[Span], count: int) -> tuple[Span, ...]:
    """The spans up to token `count`."""
    found = []
    for span in spans:
        if count > 0:
            found.append(Span(span.tokens[:count], span.start_s, span.end_s))
        count -= len(span.tokens)
    return tuple(found)
