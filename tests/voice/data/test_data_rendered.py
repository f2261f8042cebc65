"""Kokoro as a teacher: phones from its durations, lines that are kept, and corpora of them alone."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roundelay.errors import BadInput
from roundelay.voice.data import phones, rendered
from roundelay.voice.data.build import build
from roundelay.voice.data.config import DataConfig, RenderedLines, load
from roundelay.voice.data.kokoro_teacher import Kokoro, written
from roundelay.voice.data.loudness import at_loudness, loudness_lufs
from roundelay.voice.data.manifest import read_manifest
from roundelay.voice.data.rendered import RenderedFolder, RenderedLine
from roundelay.voice.data.speakers import training_speakers
from roundelay.voice.data.teacher import Line

VOICES = ("af_heart", "am_michael", "bf_emma", "af_bella+bm_george", "bf_emma+am_echo")


def tone(seconds: float, level: float = 0.2) -> np.ndarray:
    return (level * np.sin(np.arange(round(seconds * 24_000)) / 9)).astype(np.float32)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder of forty lines of 1.5 s, as they are written by hand: without a model's sum."""
    folder = tmp_path / "kept"
    folder.mkdir()
    rows = []
    for number in range(40):
        soundfile.write(folder / f"{number}.flac", tone(1.5), 24_000)
        row = {"file": f"{number}.flac", "text": f"line {number}", "voice": VOICES[number % len(VOICES)], "speed": 1.0}
        rows.append(row | {"phonemes": "lˈIn.", "durations": [10, 5, 2, 20, 10, 8, 5], "kind": "question", "call": "x"})
    (folder / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_phones_come_from_symbols_and_frames() -> None:
    symbols = "hˈɜɹ bˈʌTəɹ, ʤˈAn."
    made = phones.from_kokoro(symbols, [10] + [2] * len(symbols) + [3], 0.025)
    assert [symbol for symbol, _, _ in made] == [
        *("pau", "hh", "er", "b", "ah", "t", "er", "pau", "jh", "ey", "n", "pau"),
    ]
    assert made[0][1] == 0 and made[-1][2] == pytest.approx((13 + 2 * len(symbols)) * 0.025)
    assert all(a[2] == pytest.approx(b[1]) for a, b in pairwise(made))
    assert set(phones.KOKORO.values()) <= set(phones.SYMBOLS)
    with pytest.raises(ValueError):
        phones.from_kokoro("ab", [1, 2, 3], 0.025)


def test_times_are_moved_to_the_sound_and_silence_is_a_pause() -> None:
    found = (("pau", 0.0, 0.3), ("aa", 0.3, 0.6), ("t", 0.6, 1.2), ("pau", 1.2, 1.5))
    moved = phones.earlier(found, 0.1)
    assert [round(start, 3) for _, start, _ in moved] == [0, 0.2, 0.5, 1.1] and moved[-1][2] == 1.5
    sound = np.concatenate([np.zeros(3200), np.ones(9600), np.zeros(11200)]).astype(np.float32)
    assert phones.before_pauses(moved, sound, 16_000)[2:] == (("t", 0.5, 0.8), ("pau", 0.8, 1.5))
    assert phones.before_pauses(moved, np.zeros(100, np.float32), 16_000) == moved


def test_a_corpus_is_built_from_lines_that_are_kept_and_nothing_is_spoken(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Kokoro, "speak", lambda *args: pytest.fail("a line was spoken"))
    config = DataConfig(
        shares={"kokoro": 1.0},
        shard_s=12.0,
        plain=("kokoro-af_heart", "kokoro-am_michael"),
        loudness_lufs=-23.0,
        rendered=RenderedLines(str(kept), only=True),
    )
    out = tmp_path / "corpus"
    build(config, 1.0, out, workers=1)
    rows = list(read_manifest(out))
    assert {row.voice for row in rows if row.split != "test"} == {"af_heart", "am_michael"}
    assert {row.voice for row in rows if row.split == "test"} == {"bf_emma", "bf_emma+am_echo"}
    assert len(rows) == 32 and {row.kind for row in rows} == {"question"} and {row.call for row in rows} == {"x"}
    assert not {row.text for row in rows if row.split == "dev"} & {row.text for row in rows if row.split == "train"}
    assert rows[0].phones and [each[0] for each in rows[0].phones] == ["pau", "l", "ay", "n", "pau"]
    with (kept / "lines.jsonl").open("a") as file:
        file.write('{"file": "half a li')
    build(config, 1.0, out, workers=1)  # resumed: a folder that grows changes nothing
    assert list(read_manifest(out)) == rows
    build(replace(config, plain=(), without=("kokoro-af_heart",)), 1.0, tmp_path / "other", workers=1)
    others = {row.voice for row in read_manifest(tmp_path / "other") if row.split != "test"}
    assert others == {"am_michael", "af_bella+bm_george"}


def test_what_was_spoken_is_found_again(tmp_path: Path) -> None:
    folder = RenderedFolder(str(tmp_path / "kept"), rendered.MODEL)
    assert folder.find("one", "af_heart", 1.0) is None
    line = RenderedLine("", "one", "af_heart", 1.0, "wˈʌn.", (4, 2, 2, 8, 8, 4, 2))
    folder.add(line, tone(30 * 600 / 24_000))
    rendered._index.cache_clear()
    found = Kokoro(folder.path).speak([Line("one", "af_heart")])[0]
    assert found is not None and found.samples.size == 12_000
    assert [symbol for symbol, _, _ in found.phones] == ["pau", "w", "ah", "n", "pau"]
    assert RenderedFolder(folder.path, "another").find("one", "af_heart", 1.0) is None


def test_damaged_lines_are_one_line(kept: Path) -> None:
    lines = (kept / "lines.jsonl").read_text().splitlines()
    (kept / "lines.jsonl").write_text("\n".join([lines[0], "{", *lines[1:]]))
    with pytest.raises(BadInput, match=r"lines.jsonl:2: of .* cannot be read"):
        rendered.read(str(kept))
    with pytest.raises(BadInput, match="folder of rendered lines"):
        rendered.read(str(kept / "nothing"))


def test_questions_get_their_mark() -> None:
    assert (written("who is there"), written("it is late")) == ("who is there?", "it is late.")


def test_mixtures_are_varied_speakers() -> None:
    made = training_speakers("kokoro", 20, 1)
    assert len(made) == 46 and sum(speaker.varied for speaker in made) == 20


@pytest.mark.parametrize("name", ["data-kokoro-speak", "data-kokoro-hear"])
def test_the_configurations_can_be_read(name: str) -> None:
    config = load(Path(__file__).parents[3] / f"configs/{name}.toml", ['rendered.folder="kept"'])
    assert config.rendered.only and config.rendered.folder.endswith("configs/kept")


def test_every_voice_gets_one_loudness() -> None:
    pytest.importorskip("pyloudnorm", reason="pyloudnorm comes with the train extra")
    for seconds, level in ((1.0, 0.5), (0.2, 0.01)):
        made = at_loudness(tone(seconds, level), 24_000, -23.0)
        assert loudness_lufs(made, 24_000) == pytest.approx(-23.0, abs=0.1)
    spiky = np.zeros(24_000, np.float32)
    spiky[::4000] = 0.5
    assert np.abs(at_loudness(spiky, 24_000, -10.0)).max() <= 0.991
    assert not at_loudness(np.zeros(24_000, np.float32), 24_000, -23.0).any()
