"""Corpora as arrays: every utterance's samples, mel frames and labels, computed once and kept beside the run.

Levels are normalised here (speech at -23 dB), because the codes must not depend on loudness; `augment` applies a random
gain in its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.console import progress
from roundelay.errors import BadInput
from roundelay.voice.tokenizer.frontend import BANDS, HOP, frames_of, log_mel

SPEECH_RMS = 0.07  # -23 dB re full scale: loud enough, and peaks of speech stay below one (ours)
VERSION = 3  # of the cache's layout


@dataclass(frozen=True, slots=True)
class Item:
    """One utterance of a corpus; `start` and `frames` are in 10 ms hops of the corpus' own arrays."""

    corpus: int
    id: str
    text: str
    speaker: str
    engine: str
    split: str
    start: int
    frames: int
    phones: tuple[tuple[str, float, float], ...]
    clean: bool = True  # without channel effects: fit to be a decoder's target


@dataclass(frozen=True, slots=True)
class Corpora:
    """All corpora of a run: items, and per corpus samples int16 [N], mel float16 [N/160, 80]."""

    items: tuple[Item, ...]
    samples: tuple[np.ndarray, ...]
    mels: tuple[np.ndarray, ...]

    def mel(self, item: Item, start: int = 0, frames: int | None = None) -> np.ndarray:
        """Log-mel float32 [T, 80] of an utterance, or of a part of it."""
        stop = item.frames if frames is None else min(item.frames, start + frames)
        return self.mels[item.corpus][item.start + start : item.start + stop].astype(np.float32)

    def wave(self, item: Item, start: int = 0, frames: int | None = None) -> np.ndarray:
        """Samples float32 of the same part; one hop of 160 per frame."""
        stop = item.frames if frames is None else min(item.frames, start + frames)
        return self.samples[item.corpus][(item.start + start) * HOP : (item.start + stop) * HOP] / np.float32(32768)


def speech_gain(wave: np.ndarray) -> float:
    """The factor that brings the louder half of a signal to `SPEECH_RMS`; one for silence."""
    power = (wave[: len(wave) // HOP * HOP].reshape(-1, HOP).astype(np.float64) ** 2).mean(1)
    loud = power[power >= power.max(initial=0) * 1e-3]
    rms = float(np.sqrt(loud.mean())) if loud.size else 0.0
    return SPEECH_RMS / rms if rms > 1e-5 else 1.0


def open_corpora(folders: Sequence[Path], cache: Path) -> Corpora:
    """The corpora of `folders`, from the cache if it is there, else computed (about 300 times real time)."""
    items: list[Item] = []
    samples, mels = [], []
    for number, folder in enumerate(folders):
        lines = _manifest(folder)
        digest = hashlib.sha256(json.dumps([VERSION, [line["id"] for line in lines]]).encode()).hexdigest()[:12]
        base = cache / f"{folder.name}-{digest}"
        if not base.with_suffix(".json").is_file():
            _compute(folder, lines, base)
        starts = json.loads(base.with_suffix(".json").read_text())
        samples.append(np.memmap(base.with_suffix(".i16"), np.int16, "r"))
        mels.append(np.memmap(base.with_suffix(".f16"), np.float16, "r").reshape(-1, BANDS))
        items += [_item(number, line, *starts[line["id"]]) for line in lines if line["id"] in starts]
    if not items:
        raise BadInput("corpus", ", ".join(map(str, folders)), "holds no utterance of 0.2 s or more")
    return Corpora(tuple(items), tuple(samples), tuple(mels))


def _manifest(folder: Path) -> list[dict[str, Any]]:
    path = folder / "manifest.jsonl"
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise BadInput("corpus", folder, f"has no readable manifest.jsonl ({error})") from None


def _item(corpus: int, line: dict[str, Any], start: int, frames: int) -> Item:
    phones = tuple((str(p), float(a), float(b)) for p, a, b in line.get("phones") or ())
    words = (line["id"], line["text"], line["speaker"], line["engine"], line["split"])
    return Item(corpus, *words, start, frames, phones, clean=not line.get("effects"))


def _compute(folder: Path, lines: list[dict[str, Any]], base: Path) -> None:
    base.parent.mkdir(parents=True, exist_ok=True)
    starts: dict[str, tuple[int, int]] = {}
    at = 0
    with base.with_suffix(".i16").open("wb") as waves, base.with_suffix(".f16").open("wb") as mels:
        for line, wave in progress(_waves(folder, lines), f"mel of {folder.name}", len(lines)):
            frames = frames_of(len(wave))
            if frames < 20:
                continue
            wave = np.pad(wave, (0, frames * HOP - len(wave))) * speech_gain(wave)
            np.rint(np.clip(wave, -1, 1) * 32767).astype(np.int16).tofile(waves)
            log_mel(wave).astype(np.float16).tofile(mels)
            starts[line["id"]] = (at, frames)
            at += frames
    base.with_suffix(".json").write_text(json.dumps(starts))


def _waves(folder: Path, lines: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    import soundfile

    shard, whole = "", np.zeros(0, np.float32)
    for line in sorted(lines, key=lambda line: (line["shard"], line["offset"])):
        if line["shard"] != shard:
            shard = line["shard"]
            whole, rate = soundfile.read(folder / shard, dtype="float32")
            if rate != 16_000:
                raise BadInput("corpus", folder / shard, f"is at {rate} Hz; build it at 16,000")
        yield line, whole[line["offset"] : line["offset"] + line["samples"]]


def train_weights(items: Sequence[Item], shares: dict[str, float]) -> np.ndarray:
    """Sampling weights of items: an engine's share of the seconds drawn is `shares`, whatever the corpora hold."""
    seconds: dict[str, float] = {}
    for item in items:
        seconds[item.engine] = seconds.get(item.engine, 0.0) + item.frames
    weights = np.array([shares.get(item.engine, 0.1) / seconds[item.engine] for item in items])
    return weights / weights.sum()


class ItemSampler:
    """Draws items by weight from buckets of similar length, by seed and step alone, so that a run can resume."""

    def __init__(self, items: Sequence[Item], weights: np.ndarray, frames: int, seed: int, buckets: int = 10) -> None:
        self.frames, self.seed = frames, seed
        order = np.argsort([item.frames for item in items], kind="stable")
        mass = np.cumsum(weights[order] * np.array([items[i].frames for i in order]))
        edges = np.searchsorted(mass, np.linspace(0, mass[-1], buckets + 1)[1:-1])
        self.buckets = [bucket for bucket in np.split(order, edges) if len(bucket)]
        self.items, self.weights = items, weights

    def draw(self, step: int) -> tuple[list[Item], np.random.Generator]:
        """The items of a step, together about `frames` long, and the step's own generator."""
        rng = np.random.default_rng([self.seed, step])
        bucket = self.buckets[rng.integers(len(self.buckets))]
        weights = self.weights[bucket]
        longest = max(self.items[i].frames for i in bucket[-1:])
        count = max(2, self.frames // longest)
        chosen = rng.choice(bucket, size=count, p=weights / weights.sum())
        return [self.items[i] for i in chosen], rng
