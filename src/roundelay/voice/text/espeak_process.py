"""Run as a program by `voice.text.phonemizer`: reads texts as JSON lines, writes their IPA as JSON lines.

espeak-ng is loaded here, in a process of its own, so that the GPL code is run and never linked. Needs nothing but the
standard library. Arguments: the library, and the folder that holds its espeak-ng-data ("" for its own).
A request is {"voice": NAME, "texts": [...]}; the answer is {"ipa": [...]} or {"error": TEXT}.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

SYNCHRONOUS, DONT_EXIT = 2, 0x8000
UTF8 = 1
TIE = "^"  # between the letters of one sound: `t^ʃ` is "ch", `tʃ` are two sounds
IPA_TIED = 0x02 | 0x80 | ord(TIE) << 8


def main() -> None:
    """Answer requests until standard input ends."""
    library, data = sys.argv[1:3]
    lib = ctypes.CDLL(library)
    lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
    lib.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
    if lib.espeak_Initialize(SYNCHRONOUS, 0, data.encode() or None, DONT_EXIT) <= 0:
        sys.exit("espeak-ng cannot start: its data is not where it looks")
    for line in sys.stdin:
        print(json.dumps(_answer(lib, json.loads(line))), flush=True)


def _answer(lib: Any, request: dict[str, Any]) -> dict[str, Any]:
    if lib.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        return {"error": f"espeak-ng has no voice {request['voice']}"}
    return {"ipa": [_ipa(lib, text) for text in request["texts"]]}


def _ipa(lib: Any, text: str) -> str:
    """The IPA of a text, whose clauses come one by one."""
    buffer = ctypes.create_string_buffer(text.encode())
    at, found = ctypes.c_void_p(ctypes.addressof(buffer)), []
    while at.value:
        clause = lib.espeak_TextToPhonemes(ctypes.byref(at), UTF8, IPA_TIED)
        found.append(clause.decode("utf-8", "replace") if clause else "")
    return " ".join(part for part in found if part)


if __name__ == "__main__":
    main()
