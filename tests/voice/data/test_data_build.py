"""The build: deterministic, resumable after any kill, one error line for every wrong request."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roundelay.cli import main
from roundelay.errors import BadInput
from roundelay.voice.data import build as orchestrator
from roundelay.voice.data import config as configuration
from roundelay.voice.data import shard as sharding
from roundelay.voice.data.build import build, plan
from roundelay.voice.data.config import DataConfig, HumanRecordings
from roundelay.voice.data.manifest import read_manifest, sound_of
from roundelay.voice.data.teacher import Line, Rendering
from roundelay.voice.data.teachers import PROGRAMS, TEACHERS

RATE = 16_000


class Hummer:
    """A teacher that hums as long as the text is and fails on some texts: no engine needed. `fails` says
    at which line the whole build breaks down."""

    licence = "none"

    def __init__(self, name: str, fails: Callable[[int], bool] = lambda count: False) -> None:
        self.name, self.fails, self.count = name, fails, 0

    def version(self) -> str:
        return "1.0"

    def speak(self, lines: Sequence[Line]) -> list[Rendering | None]:
        spoken: list[Rendering | None] = []
        for line in lines:
            self.count += 1
            if self.fails(self.count):
                raise KeyboardInterrupt
            seconds = max(0.4, 0.06 * len(line.text))
            time_T = np.arange(round(seconds * RATE)) / RATE
            wave = (0.4 * np.sin(2 * np.pi * 150 * time_T)).astype(np.float32)
            failed = zlib.crc32(line.text.encode()) % 9 == 0
            spoken.append(None if failed else Rendering(wave, (("m", 0.0, seconds),)))
        return spoken


@pytest.fixture
def hummers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def install(fails: Callable[[int], bool] = lambda count: False) -> None:
        for name in list(TEACHERS):
            monkeypatch.setitem(TEACHERS, name, Hummer(name, fails))

    install()
    return install


CONFIG = DataConfig(seed=5, shard_s=20.0, dev_s=20.0, test=True, lexicon_share=0.0, warped_share=0.0)
HOURS = 0.02


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_hours_are_balanced_by_engine(hummers: Callable[..., None], tmp_path: Path) -> None:
    report = build(CONFIG, HOURS, tmp_path / "c", workers=1)
    train = [each for each in read_manifest(tmp_path / "c") if each.split == "train"]
    seconds = {
        name: sum(each.duration_s for each in train if each.engine == name) for name in (each.name for each in PROGRAMS)
    }
    assert min(seconds.values()) > 0.85 * max(seconds.values())
    assert sum(seconds.values()) == pytest.approx(HOURS * 3600, rel=0.3)
    assert report.seconds_by_split.keys() == {"train", "dev", "test"}


def test_the_manifest_tells_the_truth_about_the_shards(hummers: Callable[..., None], tmp_path: Path) -> None:
    report = build(CONFIG, HOURS, tmp_path / "c", workers=1)
    rows = list(read_manifest(tmp_path / "c"))
    assert len(rows) == report.utterances == len({each.id for each in rows})
    by_shard: dict[str, int] = {}
    for each in rows:
        assert each.offset == by_shard.get(each.shard, 0)
        by_shard[each.shard] = each.offset + each.samples
        assert each.samples == round(each.duration_s * RATE)
    for name, samples in by_shard.items():
        assert soundfile.info(tmp_path / "c" / name).frames == samples
    assert sound_of(tmp_path / "c", rows[-1]).size == rows[-1].samples
    texts = {split: {each.text for each in rows if each.split == split} for split in ("train", "dev", "test")}
    assert not texts["train"] & (texts["dev"] | texts["test"])
    voices = {split: {each.voice for each in rows if each.split == split} for split in ("train", "test")}
    assert not voices["train"] & voices["test"]
    assert (tmp_path / "c" / "DONE").exists()


def test_rejects_are_counted_by_reason(hummers: Callable[..., None], tmp_path: Path) -> None:
    limits = replace(CONFIG.filters, longest_s=2.0)
    report = build(replace(CONFIG, filters=limits), HOURS, tmp_path / "c", workers=1)
    assert report.rejects["too long"] > 0
    assert report.rejects["engine failed"] > 0
    parts = [json.loads(path.open().readline())["rejects"] for path in (tmp_path / "c" / "parts").iterdir()]
    assert sum(part.get("too long", 0) for part in parts) == report.rejects["too long"]


@pytest.mark.parametrize("breaks_at", [3, 40, 90])
def test_interrupted_and_resumed_is_byte_for_byte_the_same(
    hummers: Callable[..., None], tmp_path: Path, breaks_at: int
) -> None:
    build(CONFIG, HOURS, tmp_path / "whole", workers=1)
    hummers(lambda count: count == breaks_at)
    with pytest.raises(KeyboardInterrupt):
        build(CONFIG, HOURS, tmp_path / "cut", workers=1)
    assert not (tmp_path / "cut" / "DONE").exists()
    hummers()
    build(CONFIG, HOURS, tmp_path / "cut", workers=1)
    assert contents(tmp_path / "whole") == contents(tmp_path / "cut")


def test_a_half_written_shard_is_thrown_away(hummers: Callable[..., None], tmp_path: Path) -> None:
    build(CONFIG, HOURS, tmp_path / "c", workers=1)
    before = contents(tmp_path / "c")
    (tmp_path / "c" / "shards" / ".00001.abc.flac").write_bytes(b"half")
    (tmp_path / "c" / "parts" / ".00001.abc.jsonl").write_bytes(b"half")
    build(CONFIG, HOURS, tmp_path / "c", workers=1)
    assert contents(tmp_path / "c") == before


def test_a_folder_of_another_build_is_refused(hummers: Callable[..., None], tmp_path: Path) -> None:
    build(CONFIG, HOURS, tmp_path / "c", workers=1)
    for config, hours in ((replace(CONFIG, seed=6), HOURS), (CONFIG, 2 * HOURS)):
        with pytest.raises(BadInput, match="another configuration or length"):
            build(config, hours, tmp_path / "c", workers=1)


def test_two_builds_at_once_are_refused(hummers: Callable[..., None], tmp_path: Path) -> None:
    with orchestrator._lock(tmp_path / "c"), pytest.raises(BadInput, match="another process"):
        build(CONFIG, HOURS, tmp_path / "c", workers=1)


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), 1e6])
def test_impossible_hours_are_one_line(hours: float) -> None:
    with pytest.raises(BadInput, match="hours"):
        plan(CONFIG, hours)


def people_folder(folder: Path) -> Path:
    """Ten clips of five speakers, one of them unreadable, one of them silent."""
    (folder / "audio" / "room").mkdir(parents=True)
    rows = []
    for k in range(10):
        path = f"audio/room/{k}.wav"
        wave = 0.3 * np.sin(2 * np.pi * 200 * np.arange(2 * 8_000) / 8_000) * (k != 4)
        soundfile.write(folder / path, wave, 8_000)
        split = "dev" if k >= 8 else "train"
        row = {"path": path, "text": "Good morning, to you", "speaker": f"s{k % 5}", "split": split}
        rows.append({**row, "kind": "sentence", "licence": "CC0", "source": "here", "duration_s": 2.0})
    (folder / "audio/room/3.wav").write_bytes(b"nothing")
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_people_are_a_source_like_any_other(tmp_path: Path) -> None:
    people = HumanRecordings(str(people_folder(tmp_path / "people")))
    config = DataConfig(shares={"people": 1.0}, shard_s=10.0, people=people)
    report = build(config, 1.0, tmp_path / "c", workers=1)
    assert report.rejects == {"too quiet": 1, "unreadable": 1}
    rows = list(read_manifest(tmp_path / "c"))
    assert {each.split for each in rows} == {"train", "dev"}
    assert {each.text for each in rows} == {"good morning to you"}
    assert all(each.engine == "human" and each.licence == "CC0" and each.samples == 32_000 for each in rows)
    capped = replace(config, people=HumanRecordings(people.folder, {"room": 6.0}))
    assert len(plan(capped, 1.0)[0].clips) == 3


def test_the_configuration_is_checked_key_by_key(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    for text, words in [
        ("sed = 1", "not known"),
        ('seed = "one"', "must be of kind int"),
        ("[shares]\nfestivall = 1.0", "choose from"),
        ("[filters]\nlong = 1", "not known"),
        ("shares = 3\n[people", "cannot be read"),
        ("lexicon_share = 2.0", "between 0 and 1"),
        ("[shares]\npeople = 1.0", "needs a folder"),
    ]:
        path.write_text(text)
        with pytest.raises(BadInput, match=words):
            configuration.load(path)
    path.write_text("seed = 1")
    changed = configuration.load(path, ["seed=7", "gates.longest_s=9.5", "shares = {flite = 1.0}"])
    assert (changed.seed, changed.filters.longest_s, changed.shares) == (7, 9.5, {"flite": 1.0})
    for wrong, words in (("seed", "must read name=value"), ("gates.long=1", "not known")):
        with pytest.raises(BadInput, match=words):
            configuration.load(path, [wrong])
    for shipped in Path("configs").glob("data-*.toml"):
        configuration.load(shipped)


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed (make setup-train)")
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_killed_for_real_and_resumed_is_byte_for_byte_the_same(tmp_path: Path) -> None:
    """SIGKILL to the whole process group while workers write, then the same command again."""
    path = tmp_path / "c.toml"
    lines = ("seed = 3", "shard_s = 12.0", "dev_s = 0.0", "test = false", "lexicon_share = 0.0")
    path.write_text("\n".join([*lines, "warped_share = 0.0", "[shares]", "flite = 1.0"]))

    def command(out: str) -> list[str]:
        call = "from roundelay.cli import main; main()"
        verb = [
            "voice",
            "data",
            "build",
            "--config",
            str(path),
            "--hours",
            "0.02",
            "--out",
            str(tmp_path / out),
        ]
        return [sys.executable, "-c", call, *verb, "--workers", "2", "--json"]

    subprocess.run(command("whole"), check=True, capture_output=True, timeout=300)
    process = subprocess.Popen(command("cut"), start_new_session=True, stdout=subprocess.DEVNULL)
    parts, deadline = tmp_path / "cut" / "parts", time.monotonic() + 120
    while not (parts.is_dir() and list(parts.glob("[0-9]*.jsonl"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "cut" / "DONE").exists(), "the build ended before it could be killed"
    subprocess.run(command("cut"), check=True, capture_output=True, timeout=300)
    assert contents(tmp_path / "whole") == contents(tmp_path / "cut")


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed (make setup-train)")
def test_ray_makes_the_same_corpus(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is an optional extra")
    config = DataConfig(
        seed=3,
        shard_s=10.0,
        dev_s=0.0,
        test=False,
        lexicon_share=0.0,
        warped_share=0.0,
        shares={"flite": 1.0},
    )
    build(config, 0.01, tmp_path / "here", workers=1)
    build(config, 0.01, tmp_path / "there", ray="local")
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_a_missing_engine_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    from roundelay.voice.data.teachers import Flite, _version

    _version.cache_clear()
    with pytest.raises(BadInput, match="flite: is not installed: run make setup-train"):
        Flite().version()
    _version.cache_clear()


def test_one_shard_is_a_function_of_configuration_and_index(hummers: Callable[..., None], tmp_path: Path) -> None:
    for name in ("a", "b"):
        hummers()
        (tmp_path / name).mkdir()
        sharding.build_shard(CONFIG, plan(CONFIG, HOURS)[1], tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize(
    ("config", "hours", "words"),
    [
        ("missing.toml", "1", "cannot be read"),
        ("good.toml", "0", "hours 0.0"),
        ("good.toml", "many", "is not a valid float"),
        ("bad.toml", "1", "is not known"),
    ],
)
def test_the_verb_gives_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str, hours: str, words: str
) -> None:
    (tmp_path / "good.toml").write_text("seed = 1")
    (tmp_path / "bad.toml").write_text("colour = 1")
    verb = ["voice", "data", "build", "--config", str(tmp_path / config), "--hours", hours]
    with pytest.raises(SystemExit) as caught:
        main([*verb, "--out", str(tmp_path / "out")])
    assert caught.value.code == 2
    message = capsys.readouterr().err.strip()
    assert words in message
    assert "\n" not in message
    assert not (tmp_path / "out").exists()
