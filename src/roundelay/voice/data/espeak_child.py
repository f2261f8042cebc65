"""Run as a program by the espeak-ng teacher: reads lines as JSON, writes raw sound and phoneme times.

espeak-ng's C interface gives what its program does not: phoneme events with times. The library is loaded
here, in a process of its own, so that the GPL code is run and never linked, and so that every batch starts
from the same state. Needs nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

SYNCHRONOUS, PHONEME_EVENTS = 2, 1
RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4
EVENT_END, EVENT_PHONEME = 0, 7


class Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    ]


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


def main() -> None:
    """Speak the lines given on stdin into the folder named by the first argument; print rate and events."""
    folder = Path(sys.argv[1])
    lib = ctypes.CDLL("libespeak-ng.so.1")
    rate = lib.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS)
    if rate <= 0:
        sys.exit("espeak-ng cannot start")
    pieces: list[bytes] = []
    events: list[tuple[str, int]] = []

    @CALLBACK
    def collect(wave: Any, count: int, event: Any) -> int:
        if wave and count > 0:
            pieces.append(ctypes.string_at(wave, count * 2))
        k = 0
        while event[k].type != EVENT_END:
            if event[k].type == EVENT_PHONEME:
                events.append((event[k].string.decode("utf-8", "replace"), event[k].audio_position))
            k += 1
        return 0

    lib.espeak_SetSynthCallback(collect)
    all_events = []
    for index, line in enumerate(json.load(sys.stdin)):
        pieces.clear()
        events.clear()
        if lib.espeak_SetVoiceByName(line["voice"].encode()) != 0:
            sys.exit(f"espeak-ng has no voice {line['voice']}")
        lib.espeak_SetParameter(PITCH, line["pitch"], 0)
        lib.espeak_SetParameter(RATE, line["speed"], 0)
        text = line["text"].encode()
        lib.espeak_Synth(text, len(text) + 1, 0, 1, 0, 1, None, None)
        lib.espeak_Synchronize()
        (folder / f"{index}.raw").write_bytes(b"".join(pieces))
        all_events.append(list(events))
    json.dump({"rate": rate, "events": all_events}, sys.stdout)


if __name__ == "__main__":
    main()
