"""Streams: what takes its input piece by piece, and gives its output as soon as that is determined (ours).

Two laws hold for all of them (tests/voice/test_stream.py). The output does not depend on where the input is cut: what
the pushes and `finish` give, joined, is what one push of the whole and `finish` give. A finished stream takes no more.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from roundelay.errors import BadInput

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Stream(Protocol[In, Out]):
    """Input in pieces to output in pieces. State lives here, never in the weights of a network."""

    def push(self, piece: In, /) -> Out:
        """The output that this piece completes; often none. Raises `FinishedStream` after `finish`.

        An input that is refused (`BadInput`) leaves the stream as it was.
        """
        ...

    def finish(self) -> Out:
        """The rest of the output. Raises `FinishedStream` when called again."""
        ...


class FinishedStream(BadInput):
    """A finished stream was given more input, or finished again."""

    def __init__(self) -> None:
        super().__init__("stream", "finished", "takes no more input; open another")
