"""`--engine`: another engine on the command line, and what is wrong with one in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tone_engine import ToneEngine

from roundelay.cli import main
from roundelay.voice.audio import Audio
from roundelay.voice.cli.speech import transcript_json
from roundelay.voice.engines import registry
from roundelay.voice.interfaces import EngineSpec, Segment, Transcript, Word


@pytest.fixture(autouse=True)
def _tone() -> Iterator[None]:
    def load(roles: tuple[str, ...], rate_hz: str = "48000") -> dict[str, ToneEngine]:
        return dict.fromkeys(roles, ToneEngine(int(rate_hz)))

    registry.register(EngineSpec("tone", dict.fromkeys(registry.ROLES, frozenset()), load, ("rate_hz",)))
    yield
    registry.unregister("tone")


def run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main([*argv])
    return int(left.value.code or 0)


@pytest.mark.parametrize(("engine", "rate_hz"), [("tone", 48_000), ("tone:rate_hz=22050", 22_050)])
def test_verbs_take_another_engine(tmp_path: Path, capsys: pytest.CaptureFixture, engine: str, rate_hz: int) -> None:
    out, reply = tmp_path / "o.wav", tmp_path / "r.wav"
    assert run("voice", "say", "three short words", "--out", str(out), "--engine", engine, "--stream") == 0
    made = Audio.read(out)
    assert (made.rate, len(made.samples)) == (rate_hz, 3 * (rate_hz // 10))
    capsys.readouterr()
    assert run("voice", "transcribe", str(out), "--engine", engine) == 0
    assert capsys.readouterr().out == "0.3 seconds\n"
    assert run("voice", "transcribe", str(out), "--engine", engine, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["text"], told["language"], told["segments"], told["words"]) == ("0.3 seconds", None, [], [])
    assert run("voice", "ask", str(out), "--engine", engine, "--out", str(reply), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"heard": "0.3 seconds", "call": None, "text": "You said 0.3 seconds.", "out": str(reply)}
    assert Audio.read(reply).rate == rate_hz


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        ("nanno", "did you mean nano"),
        ("chat_completions", "is no synthesizer"),
        ("tone:colour=red", "setting of the engine tone colour: is unknown; known: rate_hz"),
        ("tone:colour", "write tone:colour=VALUE"),
        ("tone:rate_hz=fast", "cannot be loaded"),
    ],
)
def test_a_wrong_engine_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture, engine: str, why: str) -> None:
    out = tmp_path / "o.wav"
    assert run("voice", "say", "a word", "--out", str(out), "--engine", engine) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and why in told and not out.exists()


def test_an_unreachable_chat_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    question, out = tmp_path / "q.wav", tmp_path / "o.wav"
    Audio(np.full(8_000, 0.1, np.float32), 16_000).write(question)
    chat = "chat_completions:url=http://127.0.0.1:9/v1,wait_s=5"
    assert run("voice", "ask", str(question), "--out", str(out), "--engine", "tone", "--engine", chat) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "cannot be reached" in told and not out.exists()


def test_models_lists_the_engines(capsys: pytest.CaptureFixture) -> None:
    assert run("voice", "models", "--engines", "--json") == 0
    rows = {row["engine"]: row for row in json.loads(capsys.readouterr().out)}
    assert next(iter(rows)) == "nano" and {"chat_completions", "tone"} <= set(rows)
    assert rows["nano"]["capabilities"] == ["candidates", "clone", "confidence", "word_times"]
    assert rows["chat_completions"]["roles"] == ["responder"]
    assert run("voice", "models", "--engines") == 0
    assert "chat_completions" in capsys.readouterr().out


def test_a_transcript_as_json_has_segments_and_words() -> None:
    words = (Word("two", 0.1, 0.4, 0.91234), Word("words.", 0.4, 0.8))
    heard = Transcript("Two words.", (Segment("Two words.", 0.1, 0.8, words, 0.9),), "en")
    assert transcript_json(heard) == {
        "text": "Two words.",
        "language": "en",
        "segments": [{"text": "Two words.", "start_s": 0.1, "end_s": 0.8, "confidence": 0.9}],
        "words": [
            {"text": "two", "start_s": 0.1, "end_s": 0.4, "confidence": 0.912},
            {"text": "words.", "start_s": 0.4, "end_s": 0.8},
        ],
    }
