"""The language model's training at toy size: examples, tasks, composed codes, resumed losses, the exported engine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("onnx", reason="export needs the train extra")
pytest.importorskip("pocketsphinx", reason="the lexicon comes with the eval extra")

from roundelay.errors import BadInput  # noqa: E402
from roundelay.shape import Shape  # noqa: E402
from roundelay.train import loop, stage  # noqa: E402
from roundelay.train.lm import stages  # noqa: E402
from roundelay.train.lm.corpus import TokenizedUtterance  # noqa: E402
from roundelay.train.lm.examples import Example, pronunciation, question, recognition, spelling, synthesis  # noqa: E402
from roundelay.train.lm.model import Learner, batch_of, losses  # noqa: E402
from roundelay.train.lm.spans import spans  # noqa: E402
from roundelay.train.lm.tasks import Mix  # noqa: E402
from roundelay.train.recipe import read_recipe  # noqa: E402
from roundelay.voice.engines.nano import vocabulary  # noqa: E402
from roundelay.voice.engines.nano.ctc_decoder import sentence_end_probability  # noqa: E402
from roundelay.voice.engines.nano.lexicon import Lexicon  # noqa: E402
from roundelay.voice.graphs import verified_bytes  # noqa: E402
from roundelay.voice.lm.onnx_engine import OnnxEngine  # noqa: E402
from roundelay.voice.tokenizer.text import Symbol  # noqa: E402
from roundelay.voice.tokens import Tokens  # noqa: E402

CPU = torch.device("cpu")
SMALL = Shape(hidden=32, ffn=48, layers=2, heads=2, kv_groups=1, head_dim=16, vocab=6144, max_length=512)
CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def said(seed: int, groups: int = 6, call: str | None = None, split: str = "train") -> TokenizedUtterance:
    rng = np.random.default_rng(seed)
    tokens = Tokens.interleave(rng.integers(0, 1024, 2 * groups), rng.integers(0, 4096, 3 * groups))
    phones = tuple((vocabulary.phone_id(p), 0.1 * k) for k, p in enumerate([None, "hh", "ay", "dh", "eh", "r"]))
    onsets = tuple((vocabulary.phone_id(p), k // 2) for k, p in enumerate(["hh", "ay", "d", "eh", "r"]))
    sound = np.asarray(vocabulary.code_ids(tokens))
    voice = vocabulary.VOICES[seed % 2]
    return TokenizedUtterance("hi there", voice, "flite", split, "everyday", True, call, sound, phones, onsets)


def test_phones_that_are_heard_find_their_words() -> None:
    ids = [vocabulary.phone_id(p) for p in ["hh", "ay", "d", "eh", "r"]]  # one of them wrong
    assert spans("hi there", ids) == [(0, 2), (2, 5)]
    assert spans("hi there", ids[:2]) == [(0, 2), (2, 2)]
    assert spans("hi there", []) == [(0, 0), (0, 0)]
    assert spans("hi qqqzx", ids) is None


def test_hearing_writes_each_word_a_group_after_it_ends() -> None:
    one = said(1, call="capital france")
    example = recognition(one, one.call)
    assert example is not None
    taught = [i for i, w in zip(example.ids, example.weights, strict=True) if w]
    assert vocabulary.text_of(taught) == "hi there capital france" and taught[-1] == Symbol.EOT
    assert [example.ids[place] for place, _ in example.phones] == one.sound.reshape(-1, 5)[:, 4].tolist()
    groups = [vocabulary.text_of(part) for part in np.split(example.ids, np.flatnonzero(listens(example)) + 1)]
    assert groups[:5] == ["", "hi ", "", "there ", ""]
    assert listens(example).sum() == one.groups


def listens(example: Example) -> np.ndarray:
    return np.asarray(example.ids) == vocabulary.NEXT_GROUP


def test_speaking_gives_words_when_due_and_phones_a_group_before_they_sound() -> None:
    one = said(2)
    example = synthesis(one)
    assert example is not None
    assert [i for i in example.ids if i >= vocabulary.NANO.text] == one.sound.tolist() and example.ids[-1] == Symbol.EOT
    assert vocabulary.text_of(example.ids) == "hi there "
    asked = [at for at, i in enumerate(example.ids) if i == vocabulary.NEXT_WORD]
    assert len(asked) == 3 and example.ids[asked[-1] + 1] == vocabulary.NO_MORE_WORDS
    for at, word in zip(asked, (["hh", "ay"], ["dh", "eh", "r"]), strict=False):
        thought = example.ids[at : example.ids.index(int(Symbol.THINK_END), at)]
        assert [i for i in thought if i in vocabulary.PHONE_IDS] == [vocabulary.phone_id(p) for p in word]
    codes, thinking, timed = 0, False, []
    for i in example.ids[3:-1]:
        thinking = (thinking or i == vocabulary.NEXT_WORD) and i not in (Symbol.THINK_END, vocabulary.NO_MORE_WORDS)
        if i in vocabulary.PHONE_IDS and not thinking:
            timed.append((i, codes // 5))
        codes += i >= vocabulary.NANO.text
    assert timed == [(phone, max(0, int(at / 0.12) - 1)) for phone, at in one.phones]


def test_text_tasks_say_the_same_words_and_phones() -> None:
    out, back = pronunciation("the cat"), spelling("the cat")
    assert out and back
    phones = [i for i in out.ids if i in vocabulary.PHONE_IDS]
    assert phones == [i for i in back.ids if i in vocabulary.PHONE_IDS]
    assert vocabulary.text_of(out.ids) == vocabulary.text_of(back.ids) == "the cat "
    assert pronunciation("qqqzx") is None
    example = question("what is two plus two", "add 2 2")
    assert vocabulary.text_of([i for i, w in zip(example.ids, example.weights, strict=True) if w]) == "add 2 2"


def test_composed_codes_are_step1_when_written_out() -> None:
    torch.manual_seed(0)
    learner = Learner(SMALL).eval()
    batches = [batch_of([synthesis(said(k)) for k in range(3)], CPU), batch_of([recognition(said(4))], CPU)]
    with torch.no_grad():
        before = losses(learner, batches)
        plain = learner.plain()
        after = losses(learner, batches)
    assert float(before["loss"]) == pytest.approx(float(after["loss"]), abs=1e-5)
    assert sum(p.numel() for p in plain.parameters()) == SMALL.parameters
    assert not [name for name in plain.state_dict() if "parametriz" in name]


def test_padding_changes_no_loss() -> None:
    learner = Learner(SMALL).eval()
    rows = [synthesis(said(1, 4)), synthesis(said(2, 9))]
    with torch.no_grad():
        together = losses(learner, [batch_of(rows, CPU)])
        apart = losses(learner, [batch_of([row], CPU) for row in rows])
    assert float(together["loss"]) == pytest.approx(float(apart["loss"]), abs=1e-5)


def corpus() -> list[TokenizedUtterance]:
    plain = [said(k, 4 + k % 5) for k in range(12)]
    return plain + [said(20 + k, 6, "capital france") for k in range(4)] + [said(40, 6, split="dev")]


def test_a_mix_draws_by_seed_and_step_alone() -> None:
    tasks = {"speak": 0.4, "hear": 0.3, "answer": 0.2, "ask": 0.05, "spell": 0.05}
    one, two = (Mix(corpus(), tasks, {"flite": 1.0}, 3) for _ in range(2))
    for step in (0, 7, 8):
        ids = [[e.ids for e in batch] for batch in one.draw(step, 400)]
        assert ids == [[e.ids for e in batch] for batch in two.draw(step, 400)]
        assert 400 <= sum(len(line) for batch in ids for line in batch) < 1500
    with pytest.raises(BadInput, match="unknown"):
        Mix([], {"sing": 1.0}, {}, 1)
    with pytest.raises(BadInput, match="hold no utterance"):
        Mix([], {"speak": 1.0}, {}, 1)


def recipe() -> stages.NanoRecipe:
    table = {"steps": 4, "rate": 1e-3, "cooldown": 0.5, "ids": 200}
    sound = {"speak": 0.5, "hear": 0.3, "answer": 0.2}
    text = table | {"tasks": {"sound_out": 0.5, "ask": 0.5}}
    words = {"questions": 20, "answers": 10, "everyday": 20, "lexicon": 5, "people_times": 1}
    sounds = table | {"tasks": sound}
    return stages.NanoRecipe(1, "cpu", 1, "nano", True, 0.6, {"flite": 1.0}, words, text, sounds, sounds)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> stages.NanoRun:
    torch.set_num_threads(1)
    monkeypatch.setattr(stages, "open_corpora", lambda *_: corpus())
    monkeypatch.setattr(stages.Shape, "preset", classmethod(lambda cls, name: SMALL))
    return stage.Run(recipe(), (), tmp_path / "out")


def train(run: stages.NanoRun, name: str) -> loop.Progress:
    return next(each for each in stages.STAGES if each.name == name).run(run)


def metrics(run: stages.NanoRun, name: str) -> dict[int, float]:
    lines = map(json.loads, (run.out / f"{name}.metrics.jsonl").read_text().splitlines())
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def test_stages_follow_one_another_and_the_engine_opens(run: stages.NanoRun, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="run --stage text first"):
        train(run, "pretrain")
    for name in stages.PLANNED:
        assert train(run, name).finished and metrics(run, name)
    with pytest.raises(BadInput, match="run --stage words first"):
        stages.export(replace(run, weights=tmp_path / "weights"))
    stages.write_lexicon(run)
    stages.export(replace(run, weights=tmp_path / "weights"))
    known = Lexicon.load(tmp_path / "weights")
    assert {"hi", "there", "capital"} < set(known.words) and 0 < sentence_end_probability(known, "hi there") < 1
    engine = OnnxEngine(verified_bytes(stages.FILE, tmp_path / "weights"))
    logits = engine.prefill(engine.open(), vocabulary.speech_prompt())
    assert logits is not None and logits.shape == (6144,)


def test_the_mean_of_two_stages_is_between_them() -> None:
    first, second = ({"a": torch.full((2, 3), value)} for value in (1.0, 2.0))
    assert torch.allclose(stages.average_weights([first, second], 0.6)["a"], torch.full((2, 3), 1.6))
    assert torch.equal(stages.average_weights([first], 0.6)["a"], first["a"])


@pytest.mark.parametrize("report", [1, 3])
def test_a_killed_run_resumes_to_the_same_losses(
    run: stages.NanoRun, monkeypatch: pytest.MonkeyPatch, report: int
) -> None:
    def reported(*args: object, **more: object) -> loop.Plan:
        return loop.Plan(*args, **{**more, "report": report, "save_minutes": 0.0})  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "Plan", reported)
    train(run, "text")
    whole = metrics(run, "text")
    other = replace(run, out=run.out.with_name("killed"))
    drawn = Mix.draw

    def killed(self: Mix, step: int, ids: int) -> object:
        if step == 2:
            raise KeyboardInterrupt
        return drawn(self, step, ids)

    monkeypatch.setattr(Mix, "draw", killed)
    with pytest.raises(KeyboardInterrupt):
        train(other, "text")
    monkeypatch.setattr(Mix, "draw", drawn)
    assert train(other, "text").finished
    assert metrics(other, "text") == pytest.approx(whole, abs=1e-5)


def test_a_checkpoint_that_cannot_be_used_is_one_line(run: stages.NanoRun, monkeypatch: pytest.MonkeyPatch) -> None:
    train(run, "text")
    path = run.out / "text.pt"
    kept = torch.load(path, weights_only=True)
    del kept["sums"]
    torch.save(kept, path)
    assert train(run, "text").finished  # as written before sums were kept
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    for name in ("text", "pretrain"):
        with pytest.raises(BadInput, match="cannot be read or is damaged"):
            train(run, name)
    path.write_bytes(whole)
    monkeypatch.setattr(stages.Shape, "preset", classmethod(lambda cls, name: replace(SMALL, hidden=48)))
    for name in ("text", "pretrain"):
        with pytest.raises(BadInput, match="is of a model of another shape"):
            train(run, name)
    with pytest.raises(BadInput, match="another shape"):
        stages.export(run)


TOGETHER = """
import sys, torch
from pathlib import Path
from roundelay.train.distributed import rank, ranks
from roundelay.train.loop import Plan, fit
ranks()
out = Path(sys.argv[1]) / str(rank())  # the second process finds no file of the first
for steps in (2, 4):
    torch.manual_seed(steps + rank())
    model = torch.nn.Linear(3, 1)
    step = lambda n: {"loss": model(torch.randn(2, 3) + rank()).square().sum()}
    assert fit("one", model, step, Plan(steps, 0.1, minutes=60.0), out).done == steps
torch.save(model.state_dict(), out / "last")
torch.distributed.destroy_process_group()
"""


def test_processes_that_train_together_stay_the_same(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen([sys.executable, "-c", TOGETHER, str(tmp_path)], env=shared | {"RANK": str(number)})
        for number in range(2)
    ]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    first, second = (torch.load(tmp_path / name / "last", weights_only=True) for name in "01")
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert (tmp_path / "0" / "one.pt").is_file() and not (tmp_path / "1" / "one.pt").exists()


def test_the_shipped_recipe_can_be_read_and_names_known_tasks() -> None:
    shipped = read_recipe(stages.NanoRecipe, CONFIGS / "train-nano.toml")
    for name in stages.PLANNED:
        table = getattr(shipped, name)
        assert sum(table["tasks"].values()) == pytest.approx(1)
        assert set(table["tasks"]) <= {"hear", "speak", "go_on", "answer", "sound_out", "spell", "ask"}
    assert Shape.preset(shipped.shape).vocab == vocabulary.NANO.size
