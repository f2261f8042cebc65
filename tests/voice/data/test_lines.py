"""What teachers are asked to say: kinds by their shares, splits kept, questions with their calls."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason="the lexicon comes with the eval extra")

from roundelay.voice.data.lines import draw, sentences
from roundelay.voice.data.text import split_of
from roundelay.voice.nlu.skills import Call
from roundelay.voice.text.pronunciations import pronounce


@pytest.fixture
def folder(tmp_path: Path) -> str:
    texts = [f"the {word} sat on the mat" for word in ("cat", "dog", "hen", "fox", "bee", "owl")]
    rows = [
        {"path": f"audio/a/{k}.opus", "text": line, "speaker": "s", "split": "dev" if k == 5 else "train"}
        | {"licence": "CC0", "duration_s": 1.0}
        for k, line in enumerate(texts)
    ]
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(tmp_path)


def test_kinds_come_by_their_shares_and_questions_bring_their_call(folder: str) -> None:
    rng, shares = np.random.default_rng(0), {"question": 0.5, "answer": 0.25, "sentence": 0.25}
    asked = [draw(rng, "train", shares, 0.5, folder) for _ in range(200)]
    kinds = Counter(one.kind for one in asked)
    assert 70 < kinds["question"] < 130 and 25 < kinds["answer"] < 80 and 25 < kinds["sentence"] < 80
    for one in asked:
        assert set(one.text) <= set("abcdefghijklmnopqrstuvwxyz' ")
        assert (one.call is not None) == (one.kind == "question")
        assert one.call is None or str(Call.parse(one.call)) == one.call
        assert one.kind == "question" or one.text.count(" ") < 2 or split_of(one.text) == "train"


def test_sentences_of_peoples_dev_split_are_never_said(folder: str) -> None:
    found = sentences(folder, "train") + sentences(folder, "dev") + sentences(folder, "test")
    assert len(found) == 5 and not any("owl" in line for line in found)
    assert sentences("", "train") == ()


def test_words_are_pronounced_by_the_lexicon() -> None:
    assert pronounce("the cat") == ["dh", "ah", "k", "ae", "t"]
    assert pronounce("the qqqzx") is None
