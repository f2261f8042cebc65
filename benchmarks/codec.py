"""The codec's speed on one core: ratios measured in one run, on the machine and date it prints.

python benchmarks/codec.py [--hour] [--json results/codec/numbers/speed.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

RATE_HZ = 16_000
PIECE_S = 0.02  # a microphone gives 20 ms at a time


def speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    """Syllables of buzz and hiss, pitch and formants changing: as much work as speech, no file needed."""
    rng, parts, left = np.random.default_rng(seed), [], round(seconds * RATE_HZ)
    while left > 0:
        count = min(left, int(rng.integers(1_600, 6_400)))
        time_T = np.arange(count) / RATE_HZ
        pitch, formant = rng.uniform(90, 250), rng.uniform(400, 2_500)
        tone = sum(
            np.sin(2 * np.pi * pitch * k * time_T) / (1 + abs(pitch * k - formant) / 300)
            for k in range(1, int(4_000 / pitch))
        )
        shape = np.sin(np.pi * time_T / time_T[-1]) if count > 1 else 1.0
        parts.append(0.1 * shape * (tone + 0.3 * rng.standard_normal(count)))
        left -= count
    return np.clip(np.concatenate(parts), -1, 1).astype(np.float32)


def one_core() -> None:
    """Keep this process on one of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def timed(seconds: float) -> dict[str, float]:
    """Real-time factors of the two halves over `seconds` of sound: wall clock, and CPU beside it."""
    from roundelay.voice.audio import Audio
    from roundelay.voice.decoder.stream import Decoder
    from roundelay.voice.tokenizer.dual import Tokenizer

    tokenizer, decoder = Tokenizer.load(), Decoder.load()
    audio = Audio(speech_like(seconds), RATE_HZ)
    decoder.decode(tokenizer.encode(Audio(audio.samples[:RATE_HZ], RATE_HZ)))  # first calls allocate
    marks = [(time.perf_counter(), time.process_time())]
    tokens = tokenizer.encode(audio)
    marks.append((time.perf_counter(), time.process_time()))
    decoder.decode(tokens)
    marks.append((time.perf_counter(), time.process_time()))
    names = ("tokenizer", "tokens to waveform")
    found = {}
    for name, before, after in zip(names, marks, marks[1:], strict=False):
        found[f"{name} real-time factor"] = (after[0] - before[0]) / seconds
        found[f"{name} CPU factor"] = (after[1] - before[1]) / seconds
    return found


def first_chunks(rounds: int = 30) -> dict[str, float]:
    """Milliseconds of computing until a stream's first sound and its first tokens: median, worst."""
    from roundelay.voice.audio import Audio
    from roundelay.voice.decoder.stream import Decoder
    from roundelay.voice.tokenizer.dual import Tokenizer

    tokenizer, decoder = Tokenizer.load(), Decoder.load()
    wave = speech_like(1.0)
    tokens = tokenizer.encode(Audio(wave, RATE_HZ))
    sound_ms, token_ms, tokens_at_ms, groups_needed = [], [], 0.0, 0
    for _ in range(rounds):
        stream, started, groups = decoder.stream(), time.perf_counter(), 0
        while not len(stream.push(tokens.ids[5 * groups : 5 * groups + 5])):
            groups += 1
        sound_ms.append(1000 * (time.perf_counter() - started))
        groups_needed = groups + 1
        ears, spent, piece, at = tokenizer.stream(), 0.0, round(PIECE_S * RATE_HZ), 0
        while True:
            started = time.perf_counter()
            got = ears.push(wave[at : at + piece])
            spent, at = spent + time.perf_counter() - started, at + piece
            if len(got):
                break
        token_ms.append(1000 * spent)
        tokens_at_ms = 1000 * at / RATE_HZ
    return {
        "first chunk of a stream, ms": statistics.median(sound_ms),
        "first chunk of a stream, worst, ms": max(sound_ms),
        "groups of tokens the first chunk needs": groups_needed,
        "first tokens of a stream, ms of computing": statistics.median(token_ms),
        "first tokens of a stream, ms of sound heard": tokens_at_ms,
    }


def streamed(seconds: float) -> dict[str, float]:
    """Seconds and peak memory of a stream of `seconds` through both halves, nothing kept."""
    from roundelay.voice.decoder.stream import Decoder
    from roundelay.voice.tokenizer.dual import Tokenizer

    ears, mouth = Tokenizer.load().stream(), Decoder.load().stream()
    block, samples = speech_like(10.0), 0
    started = time.perf_counter()
    for _ in range(round(seconds / 10)):
        samples += len(mouth.push(ears.push(block)))
    samples += len(mouth.push(ears.finish())) + len(mouth.finish())
    spent = time.perf_counter() - started
    return {"seconds": spent, "samples": samples, "peak MB": _peak_mb()}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def child(call: str) -> dict[str, Any]:
    """The result of `call` in a process of its own on one core, so that memory is its own."""
    code = f"import json, codec; codec.one_core(); print(json.dumps(codec.{call}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hour", action="store_true", help="stream an hour as well; minutes of waiting")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    args = parser.parse_args()
    numbers: dict[str, Any] = child("timed(60.0)") | child("first_chunks()")
    lengths = [60, 120, 240] + ([3600] if args.hour else [])
    for seconds in lengths:
        found = child(f"streamed({seconds}.0)")
        numbers[f"stream of {seconds} s: real-time factor"] = found["seconds"] / seconds
        numbers[f"stream of {seconds} s: peak MB"] = found["peak MB"]
        assert found["samples"] == seconds * RATE_HZ, "a stream must give as much sound as it was given"
    numbers["resident memory, MB"] = max(numbers[f"stream of {seconds} s: peak MB"] for seconds in lengths)
    numbers = {name: round(value, 4 if value < 10 else 1) for name, value in numbers.items()}
    numbers |= {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    numbers["machine"] = f"{platform.machine()} {_processor()}, one core; others were at work on the machine"
    for name, value in numbers.items():
        print(f"{name:48} {value}")
    if args.json:
        args.json.write_text(json.dumps(numbers, indent=1) + "\n")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()
