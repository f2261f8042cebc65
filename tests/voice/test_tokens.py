"""Tokens: the round-trip law, the published golden vectors, and every way to be wrong in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.voice.tokenizer.fsq import LINGUISTIC, SEMANTIC
from roundelay.voice.tokens import Tokens
from roundelay.voice.vocab import VOCAB

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden" / "codebook.safetensors"


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file: an 8-byte header length, a JSON header, then the data."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    kinds = {"I32": np.int32, "I64": np.int64, "U8": np.uint8, "F32": np.float32}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, stop = (8 + size + at for at in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[start:stop], kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    if not GOLDEN.is_file():
        pytest.skip(f"the golden vectors are not beside the source tree ({GOLDEN.name})")
    return read_safetensors(GOLDEN)


def row(tensors: dict[str, np.ndarray], name: str, at: int) -> np.ndarray:
    offsets = tensors[f"{name}.offsets"]
    flat = tensors.get(f"{name}.flat", tensors.get(f"{name}.utf8"))
    return flat[offsets[at] : offsets[at + 1]]


def cases(tensors: dict[str, np.ndarray], name: str) -> range:
    return range(len(tensors[f"{name}.offsets"]) - 1)


def test_interleave_gives_the_published_ids_and_strings(golden):
    assert len(cases(golden, "v02")) == 20
    for at in cases(golden, "v02"):
        tokens = Tokens.interleave(row(golden, "v02", at), row(golden, "v06", at))
        np.testing.assert_array_equal(tokens.ids, row(golden, "llm_ids", at))
        assert tokens.string().encode() == bytes(row(golden, "audio_string", at))
        linguistic, semantic = tokens.split()
        np.testing.assert_array_equal(linguistic, row(golden, "deinterleaved_v02", at))
        np.testing.assert_array_equal(semantic, row(golden, "deinterleaved_v06", at))


def test_pairs_are_as_published_for_whole_groups(golden):
    compared = 0
    for at in cases(golden, "v2.mixed"):
        mixed = row(golden, "v2.mixed", at)
        whole = len(mixed) // VOCAB.group * VOCAB.group
        pairs = Tokens(mixed[:whole] + VOCAB.text).pairs()
        np.testing.assert_array_equal(pairs, row(golden, "v2.pairs", at)[: len(pairs)])
        compared += len(pairs)
    assert compared > 50


def test_split_then_interleave_is_the_identity():
    rng = np.random.default_rng(0)
    for groups in (0, 1, 7, 100):
        codes = rng.integers(0, VOCAB.linguistic, 2 * groups), rng.integers(0, VOCAB.semantic, 3 * groups)
        tokens = Tokens.interleave(*codes)
        assert tokens.groups == groups
        np.testing.assert_array_equal(Tokens.interleave(*tokens.split()).ids, tokens.ids)
        for given, back in zip(codes, tokens.split(), strict=True):
            np.testing.assert_array_equal(given, back)


def test_left_over_codes_are_dropped():
    tokens = Tokens.interleave(np.zeros(7, int), np.zeros(8, int))
    assert tokens.groups == 2
    assert tokens.duration_s == pytest.approx(0.24)


def test_vocabulary_is_the_published_one():
    assert (VOCAB.size, VOCAB.text, VOCAB.linguistic_offset, VOCAB.semantic_offset) == (
        74_752,
        65_536,
        65_536,
        66_560,
    )
    assert VOCAB.audio_end - VOCAB.text == 5_120 <= VOCAB.size - VOCAB.text
    assert VOCAB.rate_hz == pytest.approx(41.667, abs=1e-3)
    assert (LINGUISTIC.size, SEMANTIC.size) == (VOCAB.linguistic, VOCAB.semantic)
    assert LINGUISTIC.rate_hz == pytest.approx(16.667, abs=1e-3) and SEMANTIC.rate_hz == pytest.approx(25)


@pytest.mark.parametrize("book", [LINGUISTIC, SEMANTIC], ids=lambda book: book.name)
def test_every_code_survives_its_digits(book):
    codes = np.arange(book.size)
    values = book.values(codes)
    assert len(np.unique(values, axis=0)) == book.size
    np.testing.assert_array_equal(book.codes(values), codes)


GOOD = Tokens.interleave(np.array([1, 2]), np.array([3, 4, 5])).ids


@pytest.mark.parametrize(
    ("ids", "word"),
    [
        (GOOD[:4], "whole groups"),
        (GOOD[::-1], "linguistic id"),
        (np.full(5, 7), "linguistic id"),
        (np.array([65536, 65537, 74751, 66560, 66560]), "semantic id"),
        (np.array([-1, 65537, 66560, 66560, 66560]), "linguistic id"),
        (GOOD.astype(float), "integers"),
        (GOOD.reshape(1, 5), "flat"),
        ([[1], [2, 3]], "flat"),
    ],
)
def test_wrong_ids_are_one_clear_line(ids, word):
    with pytest.raises(BadInput, match=word) as caught:
        Tokens(ids)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "[]",
            "{}",
            '{"ids": 3}',
            '{"ids": []}',
            '{"ids": ["a"]}',
            '{"ids": [1.5]}',
            "[" * 100_000,
        ),
        json.dumps({"ids": GOOD.tolist(), "linguistic": [0, 0]}),
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_a_token_file_of_the_wrong_shape_is_one_clear_line(tmp_path, text):
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        Tokens.read(path)
    assert "\n" not in str(caught.value)


def test_json_is_the_contract(tmp_path):
    tokens = Tokens(GOOD)
    value = tokens.to_json()
    assert value == {"ids": GOOD.tolist(), "linguistic": [1, 2], "semantic": [3, 4, 5], "rate_hz": 41.67}
    path = tmp_path / "t.json"
    path.write_text(json.dumps(value))
    np.testing.assert_array_equal(Tokens.read(path).ids, GOOD)


def test_tokens_cannot_be_changed():
    with pytest.raises(ValueError):
        Tokens(GOOD).ids[0] = 65_540


@pytest.mark.parametrize("groups", [0, 1, 3_000])
def test_json_in_parts_is_the_whole_json(groups: int) -> None:
    rng = np.random.default_rng(0)
    tokens = Tokens.interleave(rng.integers(0, 1024, 2 * groups), rng.integers(0, 4096, 3 * groups))
    parts = list(tokens.json_parts())
    assert "".join(parts) == json.dumps(tokens.to_json()) + "\n" and max(map(len, parts)) < 50_000
