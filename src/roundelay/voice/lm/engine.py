"""Engines run a language model one token at a time, for several conversations at once.

A conversation's state is a `Session`. An engine computes only what a session does not hold yet, so that a conversation
that continues, or shares a prefix with another, costs its new tokens alone. Nothing here imports torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np

from roundelay.errors import BadInput
from roundelay.shape import Shape
from roundelay.voice.interfaces import never
from roundelay.voice.lm.sampling import Sampler

PREFILL_TOKENS = 64  # between two calls of `cancelled`: about 60 ms of the nano model on one core (ours)

M = TypeVar("M")


@dataclass(slots=True)
class Session(Generic[M]):
    """The state of one conversation: its ids and the engine's cache of them. One thread at a time may use it."""

    memory: M
    ids: list[int] = field(default_factory=list)


class Engine(Protocol[M]):
    """A language model that returns the logits of the next token."""

    @property
    def shape(self) -> Shape:
        """The model's shape; its `max_length` limits a session."""

    def open(self) -> Session[M]:
        """An empty session."""

    def fork(self, session: Session[M]) -> Session[M]:
        """A copy of a session; the two are independent from then on."""

    def prefill(
        self, session: Session[M], ids: Sequence[int], cancelled: Callable[[], bool] = never
    ) -> np.ndarray | None:
        """Logits float32 [V] after `ids`, which are then exactly what the session holds.

        The common prefix with the session is reused, and what the session holds beyond it is dropped. None where
        `cancelled` was true between two pieces; the session then holds the pieces that were done. Raises `BadInput` for
        no ids, an id out of the vocabulary, or more than fit.
        """

    def step(self, session: Session[M], token: int) -> np.ndarray:
        """Logits float32 [V] after one more token; raises `BadInput` as `prefill` does, the session unchanged."""


class CachedEngine(ABC, Generic[M]):
    """Common base of engines with a key-value cache: prefix reuse, pieces, limits.

    A cached token's keys and values depend on nothing after it, so dropping tokens only lowers the count.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    @property
    def shape(self) -> Shape:
        """The model's shape."""
        return self._shape

    @abstractmethod
    def _empty(self) -> M:
        """An empty cache."""

    @abstractmethod
    def _copy(self, memory: M, length: int) -> M:
        """A copy of the first `length` tokens' memory."""

    @abstractmethod
    def _feed(self, memory: M, start: int, ids: Sequence[int]) -> np.ndarray:
        """Logits [V] after `ids` that follow the first `start` tokens of the memory, which then holds them too."""

    def open(self) -> Session[M]:
        """An empty session."""
        return Session(self._empty())

    def fork(self, session: Session[M]) -> Session[M]:
        """A copy of a session."""
        return Session(self._copy(session.memory, len(session.ids)), list(session.ids))

    def prefill(
        self, session: Session[M], ids: Sequence[int], cancelled: Callable[[], bool] = never
    ) -> np.ndarray | None:
        """Logits [V] after `ids`; see `Engine.prefill`."""
        ids = [int(i) for i in ids]
        if not ids:
            raise BadInput("prompt", "of no tokens", "give at least one")
        self._check(ids, 0)
        held = min(_common_prefix(session.ids, ids), len(ids) - 1)  # the last one is always computed, for its logits
        del session.ids[held:]
        logits = None
        for start in range(held, len(ids), PREFILL_TOKENS):
            if cancelled():
                return None
            piece = ids[start : start + PREFILL_TOKENS]
            logits = self._feed(session.memory, start, piece)
            session.ids += piece
        return logits

    def step(self, session: Session[M], token: int) -> np.ndarray:
        """Logits [V] after one more token."""
        self._check([token], len(session.ids))
        logits = self._feed(session.memory, len(session.ids), [token])
        session.ids.append(int(token))
        return logits

    def _check(self, ids: Sequence[int], held: int) -> None:
        if held + len(ids) > self.shape.max_length:
            raise BadInput("context", f"of {held + len(ids)} tokens", f"is over the limit of {self.shape.max_length}")
        for i in ids:
            if not 0 <= i < self.shape.vocab:
                raise BadInput("token id", i, f"must be 0 to {self.shape.vocab - 1}")


def _common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """The length of the common prefix of two sequences."""
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count


def extend(
    engine: Engine[M], session: Session[M], ids: Sequence[int], cancelled: Callable[[], bool] = never
) -> np.ndarray | None:
    """Logits [V] after `ids` more; None when cancelled, or when the session would be full."""
    if cancelled() or len(session.ids) + len(ids) >= engine.shape.max_length:
        return None
    if len(ids) == 1 and session.ids:
        return engine.step(session, ids[0])
    return engine.prefill(session, [*session.ids, *ids], cancelled)


def generate(
    engine: Engine[M],
    session: Session[M],
    prompt: Sequence[int],
    sampler: Sampler,
    *,
    limit: int,
    ends: Collection[int] = (),
    cancelled: Callable[[], bool] = never,
) -> Iterator[int]:
    """Yield ids that follow `prompt` until an id of `ends` (not yielded; the sampler's history holds it), `limit` ids,
    or `cancelled`, which is called before every token and between the pieces of the prefill.

    The session is consistent after every yield: it holds the prompt and the ids yielded, except the last one, which the
    next prefill adds.
    """
    logits = engine.prefill(session, prompt, cancelled)
    for count in range(1, limit + 1):
        if logits is None or cancelled():
            return
        token = sampler.draw(logits)
        if token in ends:
            return
        yield token
        if count < limit and not cancelled():
            logits = engine.step(session, token)
        else:
            return
