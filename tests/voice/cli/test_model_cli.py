"""The embedded model as its user meets it: the verbs, bad input, damaged weights, sound that repeats by seed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roundelay.cli import main
from roundelay.errors import BadInput
from roundelay.shape import Shape
from roundelay.voice.audio import Audio
from roundelay.voice.engines.nano.weights import FILE, WEIGHTS, NanoWeights
from roundelay.voice.graphs import DamagedWeightsError
from roundelay.voice.interfaces import CallOptions, Capability, Request, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.voices import Voice

if not (WEIGHTS / FILE).is_file():
    pytest.skip("the package holds no weights of the language model", allow_module_level=True)


def run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main([*argv])
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def model() -> Pipeline:
    return Pipeline.load()


@pytest.fixture(scope="module")
def spoken(model: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("say") / "q.wav"
    model.say("What is the capital of France?").write(path)
    return path


def test_without_a_hurry_the_seed_repeats_too(model: Pipeline) -> None:
    first, again = (model.say("It is 9:05.", seed=3).samples for _ in range(2))
    assert np.array_equal(first, again)


def test_say_writes_sound_of_a_likely_length_and_repeats_by_seed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    assert run("voice", "say", "It is 9:05.", "--out", str(one), "--seed", "3", "--stream") == 0
    assert "first sound after" in capsys.readouterr().err
    assert run("voice", "say", "It is 9:05.", "--out", str(two), "--seed", "3", "--stream") == 0
    assert one.read_bytes() == two.read_bytes()
    assert 0.5 < Audio.read(one).duration_s < 6
    assert run("voice", "say", "It is 9:05.", "--out", str(one)) == 2  # nothing is overwritten unasked


def test_transcribe_and_ask_print_what_they_heard(spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("voice", "transcribe", str(spoken), "--json") == 0
    assert set(json.loads(capsys.readouterr().out)) == {"text", "language", "segments", "words", "duration_s"}
    reply = tmp_path / "reply.wav"
    assert run("voice", "ask", str(spoken), "--out", str(reply), "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"heard", "call", "text", "out"} and answer["text"]
    assert Audio.read(reply).duration_s > 0.3


def test_models_lists_every_file_as_whole(capsys: pytest.CaptureFixture) -> None:
    assert run("voice", "models", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["state"] for row in rows} == {"whole"}
    assert FILE in {row["file"] for row in rows} and "tokenizer.onnx" in {row["file"] for row in rows}
    assert run("voice", "models") == 0
    shown = capsys.readouterr().out
    assert FILE in shown and "whole" in shown


def test_written_questions_are_answered_exactly(model: Pipeline) -> None:
    assert model.respond(Request("What is 12 times 7?")).skill == "multiply 12 7"
    assert "84" in model.respond(Request("What is 12 times 7?")).text
    declined = model.respond(Request("colourless green ideas sleep furiously on purple"))
    assert declined.skill is None and declined.text


@pytest.mark.parametrize("text", ["", "   ", "\x00", "x" * 100_000, "你好", "!!!"])
def test_text_that_cannot_be_said_is_one_line(text: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "o.wav"
    assert run("voice", "say", text, "--out", str(out)) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not out.exists()


def test_silence_is_heard_as_nothing(model: Pipeline) -> None:
    silence = Audio(np.zeros(16_000, np.float32), 16_000)
    assert model.transcribe(silence).text == "" and model.ask(silence).transcript.text == ""


def test_a_question_in_which_nothing_is_heard_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    question, out = tmp_path / "q.wav", tmp_path / "o.wav"
    Audio(np.zeros(16_000, np.float32), 16_000).write(question)
    assert run("voice", "ask", str(question), "--out", str(out)) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1 and "q.wav" in told.err and not told.out and not out.exists()
    assert run("voice", "transcribe", str(question)) == 0 and capsys.readouterr().out == "\n"


def test_a_seed_below_zero_is_refused(model: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("voice", "say", "hello", "--out", str(tmp_path / "o.wav"), "--seed", "-1") == 2
    assert "-1 is not in the range" in capsys.readouterr().err
    with pytest.raises(BadInput, match="seed -1"):
        model.say("hello", seed=-1)


def test_a_stream_is_written_as_it_is_made(model: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Speaker:
        name, rate_hz, capabilities = "fake", 8_000, frozenset[Capability]()

        def voices(self) -> list[Voice]:
            return []

        def synthesize(self, utterance: Utterance, options: CallOptions) -> Iterator[Audio]:
            sizes, text = [], utterance.text
            for _ in range(3 if text == "words" else 0):
                sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
                yield Audio(np.full(1600, 0.1, np.float32), self.rate_hz)
            assert sizes == sorted(set(sizes)) and (text == "nothing" or not (tmp_path / "o.wav").exists())

    monkeypatch.setattr(Pipeline, "of", lambda *_, **__: replace(model, synthesizer=Speaker()))
    assert run("voice", "say", "words", "--out", str(tmp_path / "o.wav"), "--stream") == 0
    written = Audio.read(tmp_path / "o.wav")
    assert (written.samples.size, written.rate) == (4800, 8_000)
    assert run("voice", "say", "nothing", "--out", str(tmp_path / "no.wav"), "--stream") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["o.wav"]


def test_models_shows_a_damaged_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("roundelay.voice.engines.nano.weights.WEIGHTS", tmp_path)
    for text in ("no manifest", '{"files": {"lm.onnx": {}}}'):
        (tmp_path / "manifest.json").write_text(text)
        assert run("voice", "models", "--json") == 0
        rows = [row for row in json.loads(capsys.readouterr().out) if row["model"] == "language model"]
        assert [(row["file"], row["state"]) for row in rows] == [("manifest.json", "damaged")]
        assert run("voice", "models") == 0 and "damaged" in capsys.readouterr().out


def test_a_graph_of_another_shape_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        shape = replace(Shape.preset("nano"), vocab=512)

    monkeypatch.setattr("roundelay.voice.engines.nano.weights.OnnxEngine", lambda data: Other())
    with pytest.raises(DamagedWeightsError, match="another shape: 512 ids, not 6,144"):
        NanoWeights.load()


def test_noise_gives_a_bounded_answer(model: Pipeline) -> None:
    noise = Audio((0.1 * np.random.default_rng(0).standard_normal(48_000)).clip(-1, 1).astype(np.float32), 16_000)
    assert len(model.transcribe(noise).text) < 200


def test_saying_stops_when_it_is_cancelled(model: Pipeline) -> None:
    asked = iter([False] * 60 + [True] * 1000)
    options = CallOptions(cancelled=lambda: next(asked))
    parts = list(model.stream("This is a sentence that nobody lets me finish.", options=options))
    assert sum(len(part.samples) for part in parts) <= 12 * 1920


def test_damaged_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "lm"
    shutil.copytree(WEIGHTS, folder)
    data = bytearray((folder / FILE).read_bytes())
    data[1000] ^= 1
    (folder / FILE).write_bytes(bytes(data))
    with pytest.raises(DamagedWeightsError, match="damaged"):
        NanoWeights.load(folder)
    table = json.loads((WEIGHTS / "manifest.json").read_text()) | {"tokenizer": "0" * 64}
    shutil.copy(WEIGHTS / FILE, folder / FILE)
    (folder / "manifest.json").write_text(json.dumps(table))
    with pytest.raises(DamagedWeightsError, match="another tokenizer"):
        NanoWeights.load(folder)


def test_the_voice_path_imports_no_torch() -> None:
    code = "import sys, roundelay.voice.pipeline as p; p.Pipeline.load(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_voice_is_one_line(model: Pipeline) -> None:
    with pytest.raises(BadInput, match="unknown"):
        model.say("hello", Voice("nobody"))
