"""Corpus builds: shards are planned, then made on all cores or many machines; a killed build resumes."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from roundelay.console import progress
from roundelay.errors import BadInput, MissingPackage
from roundelay.files import replacing, write_text
from roundelay.voice.data.config import PEOPLE, DataConfig, rename_keys
from roundelay.voice.data.human_recordings import Clip, choose_clips
from roundelay.voice.data.manifest import DONE, MANIFEST
from roundelay.voice.data.rendered import RenderedLine, folder_of, read
from roundelay.voice.data.rendered_choice import choose
from roundelay.voice.data.shard import ShardPlan, build_shard
from roundelay.voice.data.speakers import KOKORO
from roundelay.voice.data.teachers import TEACHERS

STATE, REPORT = "build.json", "report.json"
FORMAT = 1
MAX_HOURS = 10_000.0
Piece = TypeVar("Piece", Clip, RenderedLine)


@dataclass(frozen=True, slots=True)
class Report:
    """The contents of a build: utterances, seconds by split and by engine, rejects by reason."""

    utterances: int
    seconds_by_split: dict[str, float]
    seconds_by_engine: dict[str, float]
    speakers: int
    rejects: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def plan(config: DataConfig, hours: float) -> list[ShardPlan]:
    """Every shard of a build of `hours` of training speech, in order: train, then dev, then test.

    The hours are divided over the sources by their shares, so that the engines are balanced. Raises
    `BadInput` for hours that are not between 0 and 10,000.
    """
    if not 0 < hours <= MAX_HOURS:
        raise BadInput("hours", hours, f"must be above 0 and at most {MAX_HOURS:g}")
    total = sum(config.shares.values())
    kept = config.rendered.only and config.shares.get(KOKORO, 0) > 0
    engines = [name for name in TEACHERS if config.shares.get(name, 0) > 0 and not (kept and name == KOKORO)]
    shards: list[ShardPlan] = []

    def speech(split: str, seconds: float) -> None:
        count = max(1, round(seconds / config.shard_s))
        weight = sum(config.shares[name] for name in engines)
        wanted = tuple((name, seconds / count * config.shares[name] / weight) for name in engines)
        shards.extend(ShardPlan(len(shards), split, wanted) for _ in range(count))

    if engines:
        speech("train", hours * 3600 * sum(config.shares[name] for name in engines) / total)
    human: dict[str, list[Clip]] = {}
    if config.shares.get(PEOPLE, 0) > 0:
        human = choose_clips(config.people, hours * config.shares[PEOPLE] / total, config.seed)
    rendered = choose(config, hours * config.shares[KOKORO] / total) if kept else {}
    for clips in _chunks(human.get("train", []), config.shard_s):
        shards.append(ShardPlan(len(shards), "train", (), clips))
    for lines in _chunks(rendered.get("train", []), config.shard_s):
        shards.append(ShardPlan(len(shards), "train", rendered=lines))
    if engines and config.dev_s > 0:
        speech("dev", config.dev_s)
    if engines and config.test:
        shards.append(ShardPlan(len(shards), "test", tuple((name, 0.0) for name in engines)))
    for split in ("dev", "test"):
        for clips in _chunks(human.get(split, []), config.shard_s):
            shards.append(ShardPlan(len(shards), split, (), clips))
        for lines in _chunks(rendered.get(split, []), config.shard_s):
            shards.append(ShardPlan(len(shards), split, rendered=lines))
    return shards


def build(config: DataConfig, hours: float, out: Path, *, workers: int | None = None, ray: str | None = None) -> Report:
    """Make the corpus in `out`, or finish it: shards that are there stay, the manifest is written last.

    The result depends on the configuration and the hours alone, not on the number of workers nor on
    interruptions. With `ray` (an address, or "local") the shards are made by a Ray cluster that shares the
    folder `out`. Raises `BadInput` if `out` belongs to another configuration or another build is running
    there.
    """
    config = _counted(config, out)
    shards = plan(config, hours)
    for engine in {name for shard in shards for name, _ in shard.seconds}:
        TEACHERS[engine].version()
    with _lock(out):
        _claim(config, hours, out)
        (out / DONE).unlink(missing_ok=True)
        todo = [shard for shard in shards if not (out / "parts" / f"{shard.name}.jsonl").exists()]
        run = _on_ray(config, todo, out, ray) if ray else _on_cores(config, todo, out, workers)
        for _ in progress(run, "building shards", len(todo)):
            pass
        return _write_manifest(shards, out)


def _counted(config: DataConfig, out: Path) -> DataConfig:
    """The configuration with the number of rendered lines that a new build finds, or an old one found."""
    if not config.rendered.only or config.rendered.lines:
        return config
    try:
        lines = int(json.loads((out / STATE).read_text(encoding="utf-8"))["config"]["rendered"]["lines"])
    except (OSError, ValueError, KeyError, TypeError):
        lines = len(read(folder_of(config.rendered.folder)))
    return replace(config, rendered=replace(config.rendered, lines=lines))


def _chunks(clips: Sequence[Piece], shard_s: float) -> Iterator[tuple[Piece, ...]]:
    chunk: list[Piece] = []
    for clip in clips:
        chunk.append(clip)
        if sum(each.duration_s for each in chunk) >= shard_s:
            yield tuple(chunk)
            chunk = []
    if chunk:
        yield tuple(chunk)


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    """Hold the folder's lock; the system releases it when the process ends, however it ends."""
    try:
        (out / "parts").mkdir(parents=True, exist_ok=True)
        (out / "shards").mkdir(exist_ok=True)
        handle = os.open(out / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise BadInput("output folder", out, f"cannot be written ({error.strerror}); name another") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadInput("output folder", out, "is being built by another process; wait for it") from None
        yield
    finally:
        os.close(handle)


def _claim(config: DataConfig, hours: float, out: Path) -> None:
    """Record what is built here, or check that it is the same; remove the leftovers of a killed worker."""
    wanted = json.loads(json.dumps({"format": FORMAT, "hours": hours, "config": config.as_dict()}))
    path = out / STATE
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            found["config"] = rename_keys(found["config"])
        except (ValueError, KeyError, TypeError, AttributeError):
            found = None
        if found != wanted:
            raise BadInput("output folder", out, "holds a build of another configuration or length; name another")
    elif any((out / "parts").iterdir()) or (out / MANIFEST).exists():
        raise BadInput("output folder", out, f"holds files but no {STATE}; name another")
    else:
        write_text(path, json.dumps(wanted, indent=1) + "\n")
    for folder in ("shards", "parts"):
        for leftover in (out / folder).glob(".*"):
            leftover.unlink(missing_ok=True)


def _on_cores(config: DataConfig, todo: Sequence[ShardPlan], out: Path, workers: int | None) -> Iterator[str]:
    count = min(workers or os.cpu_count() or 1, max(1, len(todo)))
    if count == 1:
        for shard in todo:
            yield build_shard(config, shard, out)
        return
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(build_shard, config, shard, out) for shard in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _on_ray(config: DataConfig, todo: Sequence[ShardPlan], out: Path, address: str) -> Iterator[str]:
    """As `_on_cores`, on a Ray cluster; `out` must be a folder that every machine sees."""
    try:
        import ray
    except ImportError:
        raise MissingPackage("ray", "ray") from None
    try:
        ray.init(address=None if address == "local" else address, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise BadInput("ray address", address, f"cannot be reached ({error})") from None
    try:
        remote = ray.remote(build_shard)
        pending = [remote.remote(config, shard, out.resolve()) for shard in todo]
        while pending:
            ready, pending = ray.wait(pending)
            yield from ray.get(ready)
    finally:
        ray.shutdown()


def _write_manifest(shards: Sequence[ShardPlan], out: Path) -> Report:
    """Join the parts, in order, into the manifest; write the report, then `DONE`."""
    rejects: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    engines: Counter[str] = Counter()
    speakers, utterances = set(), 0
    with (
        replacing(out / MANIFEST, force=True) as temporary,
        temporary.open("w", encoding="utf-8") as manifest,
    ):
        for shard in shards:
            head, *lines = (out / "parts" / f"{shard.name}.jsonl").read_text(encoding="utf-8").splitlines()
            rejects.update(json.loads(head)["rejects"])
            for line in lines:
                row = json.loads(line)
                splits[row["split"]] += row["duration_s"]
                engines[row["engine"]] += row["duration_s"]
                speakers.add(row["speaker"])
                utterances += 1
                manifest.write(line + "\n")
    report = Report(utterances, _round(splits), _round(engines), len(speakers), dict(sorted(rejects.items())))
    write_text(out / REPORT, json.dumps(report.as_dict(), indent=1) + "\n", force=True)
    write_text(out / DONE, f"{utterances} utterances\n", force=True)
    return report


def _round(seconds: Counter[str]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in sorted(seconds.items())}
