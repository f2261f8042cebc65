"""The door: encode, decode and resynth as a user calls them, with every bad input the contract names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roundelay.cli import main


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in ("voice", *words)])
    return int(left.value.code or 0)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    time = np.arange(16_000) / 16_000
    wave = 0.2 * np.sign(np.sin(2 * np.pi * 130 * time)) * (np.sin(2 * np.pi * 3 * time) > 0)
    soundfile.write(tmp_path / "in.wav", wave, 16_000)
    return tmp_path / "in.wav"


def test_encode_decode_resynth(sound, tmp_path):
    assert call("encode", sound, "--out", tmp_path / "t.json") == 0
    value = json.loads((tmp_path / "t.json").read_text())
    assert list(value) == ["ids", "linguistic", "semantic", "rate_hz"] and value["rate_hz"] == 41.67
    assert (len(value["ids"]), len(value["linguistic"]), len(value["semantic"])) == (45, 18, 27)
    assert call("decode", tmp_path / "t.json", "--out", tmp_path / "out.wav") == 0
    assert soundfile.info(tmp_path / "out.wav").frames == 9 * 1920
    assert call("decode", tmp_path / "t.json", "--out", tmp_path / "ref.wav", "--voice", sound) == 0
    assert call("resynth", sound, "--out", tmp_path / "off.wav") == 0
    assert call("resynth", sound, "--out", tmp_path / "on.wav", "--stream") == 0
    off, on = (soundfile.read(tmp_path / name, dtype="int16")[0].astype(int) for name in ("off.wav", "on.wav"))
    assert len(off) == len(on) == 16_000
    assert np.abs(off - on).max() <= 1
    assert call("encode", sound, "--out", tmp_path / "t.json") == 2  # in the way
    assert call("encode", sound, "--out", tmp_path / "t.json", "--force") == 0


@pytest.mark.parametrize(
    ("rate", "shape"), [(8_000, (8_000,)), (96_000, (48_000, 2)), (44_100, (4_410, 1)), (22_050, (9_000, 5))]
)
def test_any_rate_and_any_channels(tmp_path, rate, shape):
    soundfile.write(tmp_path / "in.wav", 0.1 * np.random.default_rng(0).standard_normal(shape), rate)
    assert call("resynth", tmp_path / "in.wav", "--out", tmp_path / "out.wav") == 0
    made = soundfile.info(tmp_path / "out.wav")
    assert made.samplerate == 16_000
    assert made.duration == pytest.approx(shape[0] / rate, abs=0.002)


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_silence_and_a_constant_level_give_valid_sound(tmp_path, level):
    soundfile.write(tmp_path / "in.wav", np.full(16_000, level), 16_000)
    assert call("resynth", tmp_path / "in.wav", "--out", tmp_path / "out.wav") == 0
    made = soundfile.read(tmp_path / "out.wav")[0]
    assert len(made) == 16_000 and np.isfinite(made).all()


def broken(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.wav"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "no samples":
        soundfile.write(path, np.zeros(0), 16_000)
    elif kind == "one sample":
        soundfile.write(path, np.zeros(1), 16_000)
    elif kind == "nan":
        soundfile.write(path, np.full(8_000, np.nan, np.float32), 16_000, subtype="FLOAT")
    elif kind == "renamed":
        path.write_text("this is no sound, whatever its name says\n" * 50)
    return path


@pytest.mark.parametrize("kind", ["empty", "no samples", "one sample", "nan", "renamed", "missing"])
def test_bad_sound_is_one_line_and_leaves_nothing(tmp_path, capsys, kind):
    path = broken(tmp_path, kind)
    before = sorted(tmp_path.iterdir())
    for verb in ("encode", "resynth"):
        assert call(verb, path, "--out", tmp_path / "out.wav") == 2
        message = capsys.readouterr().err.strip()
        assert message.startswith("error: ") and "\n" not in message
    assert sorted(tmp_path.iterdir()) == before


def test_of_a_truncated_file_what_is_there_is_used_and_one_line_says_so(sound, tmp_path):
    sound.write_bytes(sound.read_bytes()[:16_044])
    command = [sys.executable, "-m", "roundelay", "voice", "encode", str(sound), "--out", str(tmp_path / "t.json")]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
    assert len(told) == 2 and told[0].endswith("is truncated: 0.500 s of 1.000 s are there, and are used")
    assert told[1].startswith("5 groups")


@pytest.mark.parametrize("text", ["", "[]", '{"ids": [1, 2, 3, 4, 5]}', '{"ids": [65536]}', '{"ids": []}'])
def test_bad_tokens_are_one_line_and_leave_nothing(tmp_path, capsys, text):
    (tmp_path / "t.json").write_text(text)
    assert call("decode", tmp_path / "t.json", "--out", tmp_path / "out.wav") == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith("error: ") and "\n" not in message
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]


def test_an_unknown_voice_lists_the_known(sound, tmp_path, capsys):
    assert call("resynth", sound, "--out", tmp_path / "out.wav", "--voice", "nobody") == 2
    assert "flite" in capsys.readouterr().err
    assert not (tmp_path / "out.wav").exists()


def test_a_name_that_is_no_sound_file_is_refused_before_work(sound, tmp_path, capsys):
    assert call("resynth", sound, "--out", tmp_path / "out.txt") == 2
    assert "must end in" in capsys.readouterr().err
