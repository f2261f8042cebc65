"""Text to the International Phonetic Alphabet, by espeak-ng in a process of its own (ours).

espeak-ng is Debian's library, or the one in the package espeakng-loader, of which no code is run here. It is GPL: it is
run as a program, never linked, and no part of it is in this package.
"""

from __future__ import annotations

import atexit
import ctypes.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

from roundelay.errors import BadInput, MissingPackage, RoundelayError

# espeak-ng's own names of the voices whose rules a language follows; its language tags are no names of voices
ESPEAK_VOICES: Mapping[str, str] = {
    "en-us": "gmw/en-US",
    "en-gb": "gmw/en",
    "es": "roa/es",
    "fr": "roa/fr",
    "hi": "inc/hi",
    "it": "roa/it",
    "pt-br": "roa/pt-BR",
}
MAX_CHARACTERS = 10_000  # of one request: the answer is waited for


class PhonemizerError(RoundelayError):
    """espeak-ng failed: it cannot start, or ended."""

    def __init__(self, what: str) -> None:
        super().__init__(f"phonemizer espeak-ng: {' '.join(what.split())[:200]}")


@dataclass(frozen=True, slots=True)
class EspeakLibrary:
    """Where espeak-ng is: its shared library, and the folder with its espeak-ng-data, "" for its own."""

    library: str
    data: str = ""


@cache
def espeak_library() -> EspeakLibrary | None:
    """The espeak-ng of this machine, the system's before that of the package espeakng-loader; None without any."""
    if name := ctypes.util.find_library("espeak-ng"):
        return EspeakLibrary(name)
    spec = find_spec("espeakng_loader")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    for name in ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll"):
        if folder and (folder / name).is_file():
            return EspeakLibrary(str(folder / name), str(folder))
    return None


@dataclass(slots=True)
class Phonemizer:
    """Turns texts into IPA. Threads may share it; they wait for one another. The process starts at the first call."""

    espeak: EspeakLibrary
    _process: subprocess.Popen[str] | None = None
    _lock: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    def load(cls) -> Phonemizer:
        """The phonemizer of this process. Raises `MissingPackage` without espeak-ng."""
        return _shared()

    def ipa(self, texts: Sequence[str], language: str) -> list[str]:
        """The IPA of each text: words between spaces, stress marked, `^` between the letters of one sound.

        Raises `BadInput` for a language that is none of `ESPEAK_VOICES` or texts of 10,000 characters together,
        `PhonemizerError` where espeak-ng fails.
        """
        if language not in ESPEAK_VOICES:
            raise BadInput("language", language, f"has no phonemizer here; choose from {', '.join(ESPEAK_VOICES)}")
        if (size := sum(map(len, texts))) > MAX_CHARACTERS:
            raise BadInput("text", f"of {size:,} characters", f"must be given in parts of {MAX_CHARACTERS:,}")
        request = json.dumps({"voice": ESPEAK_VOICES[language], "texts": [text.replace("\0", " ") for text in texts]})
        with self._lock:
            answer = self._ask(request)
        if "error" in answer:
            raise PhonemizerError(str(answer["error"]))
        return answer["ipa"]

    def _ask(self, request: str) -> dict[str, list[str]]:
        """The answer to a request; a process that has ended is started anew, once."""
        for _ in range(2):
            if self._process is None or self._process.poll() is not None:
                self._process = self._start()
            stdin, stdout = self._process.stdin, self._process.stdout
            assert stdin is not None and stdout is not None
            try:
                stdin.write(request + "\n")
                stdin.flush()
                if line := stdout.readline():
                    return json.loads(line)
            except OSError:
                pass
            self.close()
        raise PhonemizerError(f"{self.espeak.library} ends without an answer; install espeak-ng anew")

    def _start(self) -> subprocess.Popen[str]:
        child = Path(__file__).with_name("espeak_process.py")
        command = [sys.executable, "-I", "-S", str(child), self.espeak.library, self.espeak.data]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
        atexit.register(self.close)
        return process

    def close(self) -> None:
        """End the process; the next call starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


@cache
def _shared() -> Phonemizer:
    espeak = espeak_library()
    if espeak is None:
        raise MissingPackage("espeak-ng, which gives text its sounds,", "kokoro")
    return Phonemizer(espeak)
