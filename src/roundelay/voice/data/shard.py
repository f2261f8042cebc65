"""One shard: a plan of what to say, carried out; it depends on the configuration and its index alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from roundelay.files import replacing, write_text
from roundelay.voice.data import people as recordings
from roundelay.voice.data.config import DataConfig
from roundelay.voice.data.effects import applied, drawn
from roundelay.voice.data.filters import recogniser_gate, rejected
from roundelay.voice.data.lines import Asked, draw
from roundelay.voice.data.manifest import Utterance
from roundelay.voice.data.people import Clip
from roundelay.voice.data.phones import Phones
from roundelay.voice.data.sentences import TEST_SENTENCES
from roundelay.voice.data.speakers import Speaker, cast, held_out
from roundelay.voice.data.teachers import RATE_HZ, TEACHERS, Line
from roundelay.voice.data.warp import retimed, warped

BATCH_LINES = 12  # lines given to an engine at once
LINES_PER_S = 2.0  # a source that needs more lines than this for its seconds is given up: the gates eat them all
LEVEL_DB = (-12.0, -1.0)  # the peak of an utterance, drawn evenly


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """Shard `index` of `split`: seconds wanted of each engine, or the clips of people it holds."""

    index: int
    split: str
    seconds: tuple[tuple[str, float], ...] = ()
    clips: tuple[Clip, ...] = ()

    @property
    def name(self) -> str:
        """The shard's number as its files are named."""
        return f"{self.index:05d}"


@dataclass(frozen=True, slots=True)
class Take:
    """A line as spoken, before the gates."""

    samples: np.ndarray
    phones: Phones | None
    asked: Asked
    speaker: Speaker
    licence: str
    version: str


def build_shard(config: DataConfig, plan: ShardPlan, out: Path) -> str:
    """Write `shards/NAME.flac` and then `parts/NAME.jsonl`, each whole or not at all; the shard's name.

    The part's first line counts the rejects by reason; a shard without a part was never finished and is
    made anew.
    """
    import soundfile

    rng = np.random.default_rng([config.seed, plan.index])
    recogniser = recogniser_gate(config.gates)
    rejects: Counter[str] = Counter()
    waves: list[np.ndarray] = []
    rows: list[Utterance] = []
    offset = 0
    for source in _sources(config, plan, rng, rejects):
        got_s = 0.0
        for take in source.takes:
            seed = int(rng.integers(1 << 31))
            wave, phones, effects = _finished(take, config, plan.split, seed)
            reason = rejected(wave, RATE_HZ, take.asked.text, config.gates)
            if reason is None and recogniser is not None:
                reason = recogniser(wave, RATE_HZ, take.asked.text)
            if reason:
                rejects[reason] += 1
                continue
            rows.append(_row(take, plan, len(rows), offset, wave.size, seed, phones, effects))
            waves.append(wave)
            offset += wave.size
            got_s += wave.size / RATE_HZ
            if got_s >= source.seconds:
                break
    audio = np.concatenate(waves) if waves else np.zeros(1, np.float32)
    with replacing(out / "shards" / f"{plan.name}.flac", force=True) as temporary:
        soundfile.write(temporary, audio, RATE_HZ, format="FLAC", subtype="PCM_16")
    head = json.dumps({"rejects": dict(sorted(rejects.items())), "utterances": len(rows)})
    text = "\n".join([head, *(row.line() for row in rows)]) + "\n"
    write_text(out / "parts" / f"{plan.name}.jsonl", text, force=True)
    return plan.name


class Source(NamedTuple):
    """Takes in order, and the seconds after which enough of them have passed the gates."""

    takes: Iterator[Take]
    seconds: float


def _sources(config: DataConfig, plan: ShardPlan, rng: np.random.Generator, rejects: Counter[str]) -> Iterator[Source]:
    if plan.clips:
        yield Source(_people(config, plan.clips, rejects), float("inf"))
    for engine, seconds in plan.seconds:
        if plan.split == "test":
            speaker = held_out(engine)
            asked = [(Asked(text, "test"), speaker) for text in sorted(TEST_SENTENCES)]
            yield Source(_spoken(engine, iter(asked), rejects), float("inf"))
        else:
            lines = _lines(engine, config, plan.split, int(10 + seconds * LINES_PER_S), rng)
            yield Source(_spoken(engine, lines, rejects), seconds)


def _lines(
    engine: str, config: DataConfig, split: str, count: int, rng: np.random.Generator
) -> Iterator[tuple[Asked, Speaker]]:
    speakers = cast(engine, config.warped_voices, config.voices_seed)
    plain = [one for one in speakers if one.warp is None and (not config.plain or one.name in config.plain)]
    changed = [speaker for speaker in speakers if speaker.warp is not None]
    for _ in range(count):
        asked = draw(rng, split, config.texts, config.lexicon_share, config.people.folder)
        pool = changed if changed and rng.random() < config.warped_share else plain
        yield asked, pool[rng.integers(len(pool))]


def _spoken(engine: str, asked: Iterator[tuple[Asked, Speaker]], rejects: Counter[str]) -> Iterator[Take]:
    """Takes of an engine, asked in batches; a line the engine could not say is a reject."""
    teacher = TEACHERS[engine]
    version = teacher.version()
    while batch := list(islice(asked, BATCH_LINES)):
        batch.sort(key=lambda item: item[1].voice)  # festival changes its voice slowly
        spoken = teacher.speak([Line(line.text, who.voice, who.pitch, who.speed) for line, who in batch])
        for (line, speaker), each in zip(batch, spoken, strict=True):
            if each is None:
                rejects["engine failed"] += 1
            else:
                yield Take(each.samples, each.phones, line, speaker, teacher.licence, version)


def _people(config: DataConfig, clips: tuple[Clip, ...], rejects: Counter[str]) -> Iterator[Take]:
    for clip in clips:
        samples = recordings.sound(config.people, clip)
        if samples is None:
            rejects["unreadable"] += 1
            continue
        speaker = Speaker(clip.speaker, "human", clip.origin)
        yield Take(samples, None, Asked(clip.text, clip.kind), speaker, clip.licence, clip.source)


def _finished(
    take: Take, config: DataConfig, split: str, seed: int
) -> tuple[np.ndarray, Phones | None, dict[str, Any] | None]:
    """The take after warp, level and effects: samples, phones with their new times, and what was done.

    Only training lines of the engines get effects: people bring their own, and the held-out splits stay
    clean.
    """
    rng = np.random.default_rng(seed)
    wave, phones, warp = take.samples, take.phones, take.speaker.warp
    if warp is not None:
        wave = warped(wave, RATE_HZ, warp)
        phones = None if phones is None else retimed(phones, warp.rate)
    peak = float(np.abs(wave).max()) if np.isfinite(wave).all() else 0.0
    if peak > 0.001 and take.speaker.engine != "human":
        wave = wave * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20) / peak)
    effects = drawn(rng, config.effects) if split == "train" and take.speaker.engine != "human" else None
    if effects:
        wave = applied(wave, RATE_HZ, effects, rng)
    return wave.astype(np.float32), phones, effects


def _row(
    take: Take,
    plan: ShardPlan,
    number: int,
    offset: int,
    samples: int,
    seed: int,
    phones: Phones | None,
    effects: dict[str, Any] | None,
) -> Utterance:
    return Utterance(
        id=f"{plan.split}-{plan.name}-{number:04d}",
        text=take.asked.text,
        speaker=take.speaker.name,
        engine=take.speaker.engine,
        voice=take.speaker.voice,
        warp=asdict(take.speaker.warp) if take.speaker.warp else None,
        split=plan.split,
        duration_s=round(samples / RATE_HZ, 4),
        shard=f"shards/{plan.name}.flac",
        offset=offset,
        samples=samples,
        rate_hz=RATE_HZ,
        licence=take.licence,
        engine_version=take.version,
        seed=seed,
        phones=phones,
        effects=effects,
        kind=take.asked.kind,
        call=take.asked.call,
    )
