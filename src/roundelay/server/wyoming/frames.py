"""The Wyoming protocol on the wire: a header line of JSON, then the data it announces (JSON), then a payload (bytes).

Home Assistant's protocol for voice services (github.com/OHF-Voice/wyoming); of our own, because a server must bound
what it reads (docs/decisions).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from roundelay.errors import RoundelayError

HEADER_BYTES = 64 << 10  # of a header line; clients send about a hundred
DATA_BYTES = 1 << 20  # of an event's data: a text to speak, with its context
PAYLOAD_BYTES = 1 << 20  # of an audio chunk: 32 s of 16 kHz PCM; clients send 64 ms
VERSION = "1.8.0"  # of the protocol, told in every header


class BadFrame(RoundelayError):
    """What came is no event of the protocol; nothing after it can be read."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type, its data, its bytes."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes = b""


def encode(event: Event) -> bytes:
    """An event as it is sent."""
    data = json.dumps(event.data, ensure_ascii=False).encode() if event.data else b""
    header: dict[str, Any] = {"type": event.kind, "version": VERSION}
    if data:
        header["data_length"] = len(data)
    if event.payload:
        header["payload_length"] = len(event.payload)
    return json.dumps(header).encode() + b"\n" + data + event.payload


async def read(reader: asyncio.StreamReader, idle_s: float, rest_s: float) -> Event | None:
    """The next event; None where the client has closed, or has sent nothing for `idle_s`.

    `rest_s` is how long the rest of an event may take. The reader's own limit bounds the header. Raises `BadFrame`.
    """
    try:
        line = await asyncio.wait_for(reader.readuntil(b"\n"), idle_s)
    except TimeoutError:
        return None
    except asyncio.LimitOverrunError:
        raise BadFrame(f"the header line has over {HEADER_BYTES:,} bytes") from None
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise BadFrame("the header line has no end") from None
        return None
    header = _object(line, "the header line")
    kind = header.get("type")
    if not isinstance(kind, str) or not kind:
        raise BadFrame("the header names no type")
    data_length = _length(header, "data_length", DATA_BYTES)
    payload_length = _length(header, "payload_length", PAYLOAD_BYTES)
    try:
        rest = await asyncio.wait_for(reader.readexactly(data_length + payload_length), rest_s)
    except TimeoutError:
        raise BadFrame(f"the rest of {kind[:40]} did not come in {rest_s:.0f} s") from None
    except asyncio.IncompleteReadError:
        raise BadFrame(f"the connection ended within {kind[:40]}") from None
    inline = header.get("data") or {}
    if not isinstance(inline, dict):
        raise BadFrame("data is not an object")
    data = {**inline, **(_object(rest[:data_length], "data") if data_length else {})}
    return Event(kind, data, rest[data_length:])


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame(f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise BadFrame(f"{what} is not an object")
    return value


def _length(header: Mapping[str, Any], name: str, most: int) -> int:
    value = header.get(name) or 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadFrame(f"{name} is not a length")
    if value > most:
        raise BadFrame(f"{name} {value:,} is over {most:,}")
    return value
