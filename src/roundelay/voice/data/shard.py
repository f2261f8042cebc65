"""Making one shard of a corpus; the result depends on the configuration and the shard's index alone."""

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
from roundelay.voice.data import human_recordings as recordings
from roundelay.voice.data.config import DataConfig
from roundelay.voice.data.effects import apply_effects, draw_effects
from roundelay.voice.data.filters import recogniser_filter, rejection_reason
from roundelay.voice.data.human_recordings import Clip
from roundelay.voice.data.kokoro_teacher import version
from roundelay.voice.data.lines import Prompt, draw
from roundelay.voice.data.loudness import at_loudness
from roundelay.voice.data.manifest import Utterance
from roundelay.voice.data.phones import Phones
from roundelay.voice.data.rendered import RenderedLine
from roundelay.voice.data.sentences import TEST_SENTENCES
from roundelay.voice.data.speakers import KOKORO, Speaker, held_out_speakers, training_speakers
from roundelay.voice.data.teacher import RATE_HZ, Line
from roundelay.voice.data.teachers import TEACHERS, teacher_of
from roundelay.voice.data.warp import retime, warp_voice

BATCH_LINES = 12  # lines given to an engine at once
LINES_PER_S = 2.0  # a source that needs more lines a second than this is given up: the filters reject nearly all
LEVEL_DB = (-12.0, -1.0)  # the peak of an utterance, drawn evenly


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """Shard `index` of `split`: seconds wanted of each engine, or its human recordings or rendered lines."""

    index: int
    split: str
    seconds: tuple[tuple[str, float], ...] = ()
    clips: tuple[Clip, ...] = ()
    rendered: tuple[RenderedLine, ...] = ()

    @property
    def name(self) -> str:
        """The shard's number as its files are named."""
        return f"{self.index:05d}"


@dataclass(frozen=True, slots=True)
class Take:
    """A spoken line, before the filters."""

    samples: np.ndarray
    phones: Phones | None
    prompt: Prompt
    speaker: Speaker
    licence: str
    version: str


def build_shard(config: DataConfig, plan: ShardPlan, out: Path) -> str:
    """Write `shards/NAME.flac`, then `parts/NAME.jsonl`, each whole or not at all; returns the shard's name.

    The part's first line counts the rejects by reason; a shard without a part was never finished and is
    made anew.
    """
    import soundfile

    rng = np.random.default_rng([config.seed, plan.index])
    recogniser = recogniser_filter(config.filters)
    rejects: Counter[str] = Counter()
    waves: list[np.ndarray] = []
    rows: list[Utterance] = []
    offset = 0
    for source in _sources(config, plan, rng, rejects):
        got_s = 0.0
        for take in source.takes:
            seed = int(rng.integers(1 << 31))
            wave, phones, effects = _finish(take, config, plan.split, seed)
            reason = rejection_reason(wave, RATE_HZ, take.prompt.text, config.filters)
            if reason is None and recogniser is not None:
                reason = recogniser(wave, RATE_HZ, take.prompt.text)
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
    """Takes in order, and how many seconds of them must pass the filters."""

    takes: Iterator[Take]
    seconds: float


def _sources(config: DataConfig, plan: ShardPlan, rng: np.random.Generator, rejects: Counter[str]) -> Iterator[Source]:
    if plan.clips:
        yield Source(_recordings(config, plan.clips, rejects), float("inf"))
    if plan.rendered:
        yield Source(_rendered(plan.rendered, rejects), float("inf"))
    for engine, seconds in plan.seconds:
        if plan.split == "test":
            speakers = held_out_speakers(engine)
            prompts = [(Prompt(text, "test"), speaker) for speaker in speakers for text in sorted(TEST_SENTENCES)]
            yield Source(_synthesize(engine, config, iter(prompts), rejects), float("inf"))
        else:
            lines = _lines(engine, config, plan.split, int(10 + seconds * LINES_PER_S), rng)
            yield Source(_synthesize(engine, config, lines, rejects), seconds)


def _lines(
    engine: str, config: DataConfig, split: str, count: int, rng: np.random.Generator
) -> Iterator[tuple[Prompt, Speaker]]:
    speakers = training_speakers(engine, config.warped_voices, config.voices_seed)
    plain = [one for one in speakers if not one.varied and (not config.plain or one.name in config.plain)]
    plain = [one for one in plain if one.name not in config.without]
    changed = [speaker for speaker in speakers if speaker.varied]
    for _ in range(count):
        prompt = draw(rng, split, config.texts, config.lexicon_share, config.people.folder)
        pool = changed if changed and rng.random() < config.warped_share else plain
        yield prompt, pool[rng.integers(len(pool))]


def _synthesize(
    engine: str, config: DataConfig, prompts: Iterator[tuple[Prompt, Speaker]], rejects: Counter[str]
) -> Iterator[Take]:
    """Takes of an engine, made in batches; a line on which the engine failed is a reject."""
    teacher = teacher_of(engine, config.rendered.folder)
    version = teacher.version()
    while batch := list(islice(prompts, BATCH_LINES)):
        batch.sort(key=lambda item: item[1].voice)  # festival changes its voice slowly
        renderings = teacher.speak([Line(line.text, who.voice, who.pitch, who.speed) for line, who in batch])
        for (line, speaker), each in zip(batch, renderings, strict=True):
            if each is None:
                rejects["engine failed"] += 1
            else:
                yield Take(each.samples, each.phones, line, speaker, teacher.licence, version)


def _rendered(lines: tuple[RenderedLine, ...], rejects: Counter[str]) -> Iterator[Take]:
    """Takes of lines that Kokoro has spoken before."""
    for line in lines:
        found = line.rendering()
        if found is None:
            rejects["unreadable"] += 1
            continue
        speaker = Speaker(line.speaker, KOKORO, line.voice, None, 50, line.speed)
        prompt = Prompt(line.text, line.kind, line.call)
        yield Take(found.samples, found.phones, prompt, speaker, TEACHERS[KOKORO].licence, version(line.model))


def _recordings(config: DataConfig, clips: tuple[Clip, ...], rejects: Counter[str]) -> Iterator[Take]:
    for clip in clips:
        samples = recordings.sound(config.people, clip)
        if samples is None:
            rejects["unreadable"] += 1
            continue
        speaker = Speaker(clip.speaker, "human", clip.origin)
        yield Take(samples, None, Prompt(clip.text, clip.kind), speaker, clip.licence, clip.source)


def _finish(
    take: Take, config: DataConfig, split: str, seed: int
) -> tuple[np.ndarray, Phones | None, dict[str, Any] | None]:
    """The take after warp, level and effects: samples, phones with their new times, and what was done.

    Only training lines of the engines get effects: human recordings have their own, and the held-out splits stay clean.
    """
    rng = np.random.default_rng(seed)
    wave, phones, warp = take.samples, take.phones, take.speaker.warp
    if warp is not None:
        wave = warp_voice(wave, RATE_HZ, warp)
        phones = None if phones is None else retime(phones, warp.rate)
    peak = float(np.abs(wave).max()) if np.isfinite(wave).all() else 0.0
    if config.loudness_lufs is not None and take.speaker.engine != "human":
        wave = at_loudness(wave, RATE_HZ, config.loudness_lufs)
    elif peak > 0.001 and take.speaker.engine != "human":
        wave = wave * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20) / peak)
    effects = draw_effects(rng, config.effects) if split == "train" and take.speaker.engine != "human" else None
    if effects:
        wave = apply_effects(wave, RATE_HZ, effects, rng)
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
        text=take.prompt.text,
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
        kind=take.prompt.kind,
        call=take.prompt.call,
    )
