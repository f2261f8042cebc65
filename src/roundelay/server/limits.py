"""Every cap of the server in one place: what may grow, how far, and why there. Ours, all of it."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one client, and all of them together, may ask for.

    The defaults suit two CPU cores: a turn costs one core for a moment, so a handful of people may talk at once and
    a few requests may wait; whoever comes after them is told to come back, at once, instead of waiting unheard.
    """

    # people and requests at once
    sessions: int = 4  # live conversations; two are heard without an underrun on two cores, two more mostly listen
    connections: int = 256  # open sockets of any kind; a file descriptor and a few kilobytes each
    workers: int = 2  # threads that run the model; more than cores would only slow each other
    waiting: int = 16  # requests waiting for a worker; at a second each, the last waits eight seconds

    # sizes
    body_bytes: int = 25 * MIB  # OpenAI's own bound for an uploaded recording
    json_bytes: int = 36 * MIB  # the same recording in base64 (4/3), and its message
    input_characters: int = 4096  # OpenAI's own bound for a text to speak
    audio_s: float = 600.0  # longest recording taken in: ten minutes are 38 MB as float32
    messages: int = 256  # of one chat request
    frame_bytes: int = 16 * MIB  # one WebSocket message; OpenAI's bound for an append is 15 MiB
    offer_bytes: int = 256 << 10  # of a call: a browser's SDP is about 6 KiB, and the session's tools may be long
    outbox_bytes: int = 16 * MIB  # sent but not yet taken by a client that reads slowly; four minutes of base64 PCM

    # time, in seconds
    header_s: float = 10.0  # from connecting to a whole request head
    body_s: float = 60.0  # between two pieces of a body
    write_s: float = 20.0  # how long one write may stand still before the client counts as gone
    request_s: float = 120.0  # one piece of model work
    session_s: float = 3600.0  # one conversation
    idle_s: float = 300.0  # a conversation in which the client sends nothing at all
    ping_s: float = 20.0  # how often a silent socket is asked whether anyone is there, and how long it may not answer
    call_s: float = 15.0  # from the answer to a call until its data channel is open
    drain_s: float = 30.0  # how long speakers may finish when the server is told to stop

    # memory
    resident_bytes: int = 3 << 30  # above this no new session or request is begun


DEFAULT = Limits()
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h


def give_back_memory() -> None:
    """Let glibc give large blocks back as soon as they are freed, and keep few heaps; elsewhere nothing happens.

    By itself it raises the size of what it gives back with every block freed, and threads keep heaps of their own.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 20)
        libc.mallopt(M_ARENA_MAX, 2)


def resident_bytes() -> int:
    """The memory this process holds, in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return 0
