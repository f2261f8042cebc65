"""The TTS teachers: flite, festival and espeak-ng, Debian packages that are run as programs, and Kokoro."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.data.kokoro_teacher import Kokoro
from roundelay.voice.data.phones import from_ends, from_espeak
from roundelay.voice.data.speakers import ESPEAK_WPM
from roundelay.voice.data.teacher import RATE_HZ, Line, Rendering, Teacher

TIMEOUT_S = 600


def _run(command: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise BadInput("speech engine", command[0], "is not installed: run make setup-train") from None


def _read(path: Path) -> np.ndarray | None:
    try:
        return Audio.read(path, RATE_HZ).samples
    except BadInput:
        return None


@cache
def _version(program: str, flag: str) -> str:
    if shutil.which(program) is None:
        raise BadInput("speech engine", program, "is not installed: run make setup-train")
    done = _run([program, flag])
    found = re.search(r"\d+\.\d+(?:\.\d+)*", done.stdout + done.stderr)
    return found[0] if found else "unknown"


class Flite:
    """flite, one process per line: `flite -psdur` prints each segment with its end."""

    name, licence = "flite", "BSD-like (CMU Flite)"

    def version(self) -> str:
        return _version("flite", "--version")

    def speak(self, lines: Sequence[Line]) -> list[Rendering | None]:
        with tempfile.TemporaryDirectory() as folder:
            return [self._one(line, Path(folder) / "out.wav") for line in lines]

    def _one(self, line: Line, path: Path) -> Rendering | None:
        path.unlink(missing_ok=True)
        done = _run(["flite", "-voice", line.voice, "-psdur", "-t", line.text + " ", "-o", str(path)])
        samples = _read(path) if path.exists() else None
        ends = re.findall(r"(\S+):(\d+\.\d+)", done.stdout)
        return None if samples is None else Rendering(samples, from_ends([(name, float(end)) for name, end in ends]))


class Festival:
    """festival, one process per batch, driven by a script that saves each wave and its segments."""

    name, licence = "festival", "BSD-like (Festival; CMU Arctic and KAL voices)"

    def version(self) -> str:
        return _version("festival", "--version")

    def speak(self, lines: Sequence[Line]) -> list[Rendering | None]:
        with tempfile.TemporaryDirectory() as name:
            folder, script, voice = Path(name), [], ""
            for k, line in enumerate(lines):
                if line.voice != voice:
                    script.append(f"(voice_{line.voice})")
                    voice = line.voice
                script.append(f'(set! u (utt.synth (Utterance Text "{line.text}")))')
                script.append(f'(utt.save.wave u "{folder}/{k}.wav" \'riff)\n(utt.save.segs u "{folder}/{k}.seg")')
            (folder / "all.scm").write_text("\n".join(script), encoding="ascii")
            _run(["festival", "-b", str(folder / "all.scm")])
            return [self._collect(folder / f"{k}.wav") for k in range(len(lines))]

    def _collect(self, path: Path) -> Rendering | None:
        samples = _read(path) if path.exists() else None
        segments = path.with_suffix(".seg")
        if samples is None or not segments.exists():
            return None
        rows = [row.split() for row in segments.read_text(encoding="ascii", errors="replace").splitlines()]
        return Rendering(samples, from_ends([(row[2], float(row[0])) for row in rows if len(row) == 3]))


class Espeak:
    """espeak-ng through its C interface in a process of its own, for the phoneme events."""

    name, licence = "espeak", "GPL-3.0-or-later (espeak-ng, run as a program; its output is free)"

    def version(self) -> str:
        return _version("espeak-ng", "--version")

    def speak(self, lines: Sequence[Line]) -> list[Rendering | None]:
        child = Path(__file__).with_name("espeak_child.py")
        requests = [
            {"text": a.text, "voice": a.voice, "pitch": a.pitch, "speed": round(a.speed * ESPEAK_WPM)} for a in lines
        ]
        with tempfile.TemporaryDirectory() as folder:
            done = _run([sys.executable, "-I", str(child), folder], json.dumps(requests))
            if done.returncode:
                raise BadInput("espeak-ng", done.stderr.strip()[-80:], "run make setup-train and look at the voices")
            answer = json.loads(done.stdout)
            raw = [(Path(folder) / f"{k}.raw").read_bytes() for k in range(len(lines))]
        return [self._collect(data, answer["rate"], events) for data, events in zip(raw, answer["events"], strict=True)]

    def _collect(self, data: bytes, rate: int, events: list[tuple[str, int]]) -> Rendering | None:
        wave = np.frombuffer(data, dtype="<i2")
        if wave.size < rate // 20:
            return None
        samples = Audio.from_array(wave, rate).resample(RATE_HZ).samples
        return Rendering(samples, from_espeak([(a, b) for a, b in events], samples.size / RATE_HZ))


PROGRAMS: tuple[Teacher, ...] = (Flite(), Festival(), Espeak())
TEACHERS: dict[str, Teacher] = {teacher.name: teacher for teacher in (*PROGRAMS, Kokoro())}


def teacher_of(engine: str, rendered: str = "") -> Teacher:
    """The teacher of an engine's name; Kokoro's lines are kept in, and found in, the folder `rendered`."""
    return Kokoro(rendered) if rendered and isinstance(TEACHERS[engine], Kokoro) else TEACHERS[engine]
