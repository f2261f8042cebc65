"""Engines' work in the caller's own thread, in which time has no influence on the result (ours)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Cancelled, Capability, Synthesizer, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.voices import Voice

T = TypeVar("T")


class InlinePool:
    """An executor that runs each task at once in the thread that submits it."""

    def submit(self, task: Callable[[], None], short: bool = False) -> bool:
        """True, after the task has run."""
        task()
        return True

    @property
    def crowded(self) -> bool:
        """False: there are no others."""
        return False

    shared = crowded

    def blocks(self, made: Iterator[T], due_s: Callable[[], float], cancelled: Cancelled) -> Iterator[T]:
        """The items of `made`, as soon as they are asked for."""
        return made


@dataclass(frozen=True, slots=True)
class UntimedSynthesizer:
    """A synthesizer that is never told how much time there is, so that its audio does not depend on it."""

    inner: Synthesizer

    @property
    def name(self) -> str:
        """The name of the inner synthesizer."""
        return self.inner.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The capabilities of the inner synthesizer."""
        return self.inner.capabilities

    @property
    def rate_hz(self) -> int:
        """The rate of its audio."""
        return self.inner.rate_hz

    def voices(self) -> Sequence[Voice]:
        """The voices of the inner synthesizer."""
        return self.inner.voices()

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        """Yield the audio of an utterance; the number of candidates is the inner synthesizer's own choice."""
        return self.inner.synthesize(utterance, replace(options, candidates=None))


def untimed(pipeline: Pipeline) -> Pipeline:
    """The pipeline with a synthesizer whose audio does not depend on the time that there is for it."""
    return replace(pipeline, synthesizer=UntimedSynthesizer(pipeline.synthesizer))
