"""The laws of every stream: where the input is cut changes nothing, and a finished stream takes no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from roundelay.voice.decoder.stream import Decoder
from roundelay.voice.pieces import Piece, SpeechPieces
from roundelay.voice.realtime.clauses import Clauses, clauses
from roundelay.voice.resample import Resampler
from roundelay.voice.stream import FinishedStream, Stream
from roundelay.voice.tokenizer.dual import Tokenizer
from roundelay.voice.tokenizer.frontend import LogMelStream, log_mel
from roundelay.voice.tokens import Tokens

RATE_HZ = 16_000
TEXT = (
    "Yes. That is a long sentence without any comma in it that nobody would ever want to say in one breath at all, "
    "and so on, e.g. here; or not? Well\nthere is  more of it: twelve words! Quite so, and then the rest"
)


@dataclass(frozen=True)
class Case:
    """A kind of stream: how one is opened, a whole input, how outputs are joined, how near two of them must be."""

    name: str
    open: Callable[[], Stream[Any, Any]]
    whole: Callable[[], Any]
    join: Callable[[Sequence[Any]], Any] = np.concatenate
    tolerance: float = 0.0
    offline: Callable[[Any], Any] | None = None

    def __str__(self) -> str:
        return self.name


@cache
def sound() -> np.ndarray:
    rng = np.random.default_rng(5)
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * k * 130 * time_s) / k for k in range(1, 20))
    return (0.1 * voice * (np.sin(9 * time_s) > 0) + 0.01 * rng.standard_normal(len(time_s))).astype(np.float32)


def ids() -> np.ndarray:
    rng = np.random.default_rng(6)
    return Tokens.interleave(rng.integers(0, 1024, 16), rng.integers(0, 4096, 24)).ids


def token_ids(parts: Sequence[Tokens]) -> np.ndarray:
    return np.concatenate([part.ids for part in parts])


tokenizer, decoder = cache(Tokenizer.load), cache(Decoder.load)


def joined(parts: Sequence[list[str]]) -> list[str]:
    return [clause for part in parts for clause in part]


def by_sentence(text: str) -> list[str]:
    assert clauses(text) == run(Case("", Clauses, lambda: text, joined), range(1, len(text)))  # letter by letter
    return clauses(text)


def samples(parts: Sequence[list[Piece]]) -> np.ndarray:
    return np.concatenate([piece.audio.samples for part in parts for piece in part])


def decoded(ids_T: np.ndarray) -> np.ndarray:
    return decoder().decode(Tokens(ids_T)).samples


CASES = [
    Case("resampler, 16 to 24 kHz", lambda: Resampler(16_000, 24_000), sound, tolerance=1e-6),
    Case("resampler, 48 to 16 kHz", lambda: Resampler(48_000, 16_000), sound, tolerance=1e-6),
    Case("resampler, same rate", lambda: Resampler(16_000, 16_000), sound),
    Case("clauses", Clauses, lambda: TEXT, joined, offline=by_sentence),
    Case("pieces of speech", SpeechPieces, sound, samples),
    Case("log-mel", LogMelStream, sound, tolerance=1e-4, offline=log_mel),
    Case("tokenizer", lambda: tokenizer().stream(), sound, token_ids),
    Case("tokenizer, 48 kHz", lambda: tokenizer().stream(48_000), sound, token_ids),
    Case(
        "decoder",
        lambda: decoder().stream(),
        ids,
        tolerance=1e-3,
        offline=decoded,
    ),
]


def run(case: Case, cuts: Sequence[int]) -> Any:
    """What a stream gives for the whole input, cut at these places."""
    whole, stream = case.whole(), case.open()
    edges = [0, *cuts, len(whole)]
    parts = [stream.push(whole[a:b]) for a, b in pairwise(edges)]
    return case.join([*parts, stream.finish()])


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("pieces", [2, 7, 40])
def test_the_output_does_not_depend_on_where_the_input_is_cut(case: Case, pieces: int) -> None:
    rng = np.random.default_rng(pieces)
    offline = case.offline(case.whole()) if case.offline else run(case, [])
    streamed = run(case, sorted(rng.integers(0, len(case.whole()) + 1, pieces - 1).tolist()))
    assert len(streamed) == len(offline) > 0
    if case.tolerance:
        np.testing.assert_allclose(streamed, offline, atol=case.tolerance)
    else:
        assert list(streamed) == list(offline)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_finished_stream_takes_no_more(case: Case) -> None:
    whole, stream = case.whole(), case.open()
    stream.push(whole[:100])
    stream.finish()
    with pytest.raises(FinishedStream, match="open another"):
        stream.push(whole[:100])
    with pytest.raises(FinishedStream):
        stream.finish()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_streams_know_nothing_of_one_another(case: Case) -> None:
    other = case.open()
    other.push(case.whole()[:90])
    first = run(case, [])
    other.finish()
    assert np.array_equal(np.asarray(first), np.asarray(run(case, [])))
