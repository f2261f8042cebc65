"""Every limit of the server in one place, each with its reason (ours)."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from dataclasses import dataclass

from roundelay.voice.capacity import cores

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all clients together, may use.

    What is beyond them is refused at once instead of waiting for long. 0 in the first four is a number found out where
    the server runs.
    """

    # concurrency
    sessions: int = 0  # live conversations; 0: as many as are measured to hear a first sound in time (`voice.capacity`)
    sessions_per_client: int = (
        0  # of one address, this machine's own excepted; 0: half of them, for others have a place
    )
    requests_per_client: int = 0  # likewise, requests that run or wait; 0: half of `workers` and `waiting`
    workers: int = 0  # computed at once; 0: one for each core, two at least: more would slow each other
    connections: int = 256  # open sockets of any kind; a file descriptor and a few kilobytes each
    wyoming: int = 16  # clients of the Wyoming endpoint; each may hold a recording of `body_bytes`
    waiting: int = 16  # requests that wait for a worker; at a second each, the last waits eight seconds

    # sizes
    body_bytes: int = 25 * MIB  # OpenAI's limit for an uploaded recording
    json_bytes: int = 36 * MIB  # the same recording in base64 (4/3), and the rest of the body
    input_characters: int = 4096  # OpenAI's limit for a text to speak
    audio_s: float = 600.0  # longest recording: ten minutes are 38 MB as float32
    messages: int = 256  # of one chat request
    frame_bytes: int = 16 * MIB  # one WebSocket message; OpenAI's limit for an append is 15 MiB
    offer_bytes: int = 256 << 10  # an SDP offer of about 6 KiB, and the session's tools
    outbox_bytes: int = 16 * MIB  # not yet read by the client: four minutes of base64 PCM

    # time, in seconds
    header_s: float = 10.0  # from connecting to a complete request head
    body_s: float = 60.0  # between two chunks of a body
    write_s: float = 20.0  # without any progress of a write, after which the client counts as gone
    request_s: float = 120.0  # one call of an engine
    session_s: float = 3600.0  # one conversation
    idle_s: float = 300.0  # in which the client sends nothing at all
    ping_s: float = 20.0  # between two WebSocket pings, and the timeout of a pong
    call_s: float = 15.0  # from the SDP answer until the data channel is open
    drain_s: float = 30.0  # for replies to finish when the server is told to stop

    # memory
    resident_bytes: int = 3 << 30  # above this no new session or request is accepted

    @property
    def parallel(self) -> int:
        """How many pieces of work are computed at once."""
        return self.workers or max(2, cores())

    @property
    def requests(self) -> int:
        """How many requests run or wait."""
        return self.parallel + self.waiting


DEFAULT = Limits()
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h


def give_back_memory() -> None:
    """Make glibc return large blocks to the system as soon as they are freed, and keep few heaps; elsewhere do nothing.

    By default glibc raises the size of the blocks it returns with each one freed, and gives each thread a heap.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 20)
        libc.mallopt(M_ARENA_MAX, 2)


def resident_bytes() -> int:
    """The resident memory of this process in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return 0
