"""JSON read an element at a time: the lists at the top of a document, never the document. Method: ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from roundelay.fabric.reading.source import Source

MAX_ELEMENT_CHARS = 1 << 24  # a Kubernetes node with all its images is some 50,000
BLANKS = " \t\r\n"
ATOM_END = ",]} \t\r\n"


class _Cursor:
    """A place in the text: what is read of it and not yet used."""

    def __init__(self, source: Source) -> None:
        self.source, self.blocks = source, source.blocks()
        self.text, self.at, self.used, self.ended = "", 0, 0, False
        self.decoder = json.JSONDecoder()

    def more(self) -> bool:
        """Read another block; return whether there was one."""
        block = next(self.blocks, None)
        if block is None:
            self.ended = True
            return False
        self.used += self.at
        self.text, self.at = self.text[self.at :] + block, 0
        return True

    def peek(self) -> str:
        """Return the next character that is not blank; nothing at the end."""
        while True:
            while self.at < len(self.text):
                if self.text[self.at] not in BLANKS:
                    return self.text[self.at]
                self.at += 1
            if not self.more():
                return ""

    def take(self, wanted: str) -> str:
        """Return the next character and pass it; raises `BadInput` where it is none of `wanted`."""
        found = self.peek()
        if not found or found not in wanted:
            raise self.bad(f"expected {' or '.join(wanted)}")
        self.at += 1
        return found

    def value(self) -> Any:
        """Return the next value and pass it."""
        self.peek()
        tried = 0
        while True:
            if len(self.text) - self.at >= 2 * tried or self.ended:  # what fails again is tried at twice the length
                tried = len(self.text) - self.at
                try:
                    value, end = self.decoder.raw_decode(self.text, self.at)
                except RecursionError:
                    raise self.bad("is nested too deeply") from None
                except ValueError as error:
                    # Only what ends at the text's end can be cut off; an error far before it is the file's own.
                    cut = not isinstance(error, json.JSONDecodeError) or error.pos > len(self.text) - 4096
                    starts = isinstance(error, json.JSONDecodeError) and error.msg.startswith("Unterminated string")
                    if self.ended or not (cut or starts):
                        raise self.bad(str(error).split(": line")[0]) from None
                else:
                    whole = end < len(self.text) or self.ended or self.text[end - 1] in '"]}'
                    if whole:
                        self.at = end
                        return value
            if len(self.text) - self.at > MAX_ELEMENT_CHARS:
                raise self.bad(f"has an element of more than {MAX_ELEMENT_CHARS:,} characters")
            self.more()

    def bad(self, why: str) -> Exception:
        return self.source.bad(f"is not JSON ({why} at character {self.used + self.at + 1:,}); correct the file")


def elements(source: Source) -> Iterator[tuple[str, Any]]:
    """Yield (key, element) of every list at the top of the document, and (key, value) of all else there.

    A document that is itself a list has the key "". One element is in memory at a time. Raises `BadInput` for what is
    not JSON, saying where.
    """
    cursor = _Cursor(source)
    if cursor.peek() == "[":
        yield from _elements(cursor, "")
    else:
        cursor.take("{")
        while cursor.peek() != "}":
            key = cursor.value()
            if not isinstance(key, str):
                raise cursor.bad("a key is no text")
            cursor.take(":")
            if cursor.peek() == "[":
                yield from _elements(cursor, key)
            else:
                yield key, cursor.value()
            if cursor.peek() != "}":
                cursor.take(",")
                if cursor.peek() == "}":
                    raise cursor.bad("expected a key")
        cursor.take("}")
    if cursor.peek():
        raise cursor.bad("something stands behind its end")


def _elements(cursor: _Cursor, key: str) -> Iterator[tuple[str, Any]]:
    """Yield the elements of the list that begins here."""
    cursor.take("[")
    if cursor.peek() == "]":
        cursor.take("]")
        return
    while True:
        yield key, cursor.value()
        if cursor.take(",]") == "]":
            return
