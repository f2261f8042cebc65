"""The embedded model's parts that need no weights: units, pieces of text, segments of sound, drawing what is said."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.lm import units
from roundelay.voice.lm.pieces import pieces
from roundelay.voice.lm.speaking import STILL_GROUPS, Speaking
from roundelay.voice.segments import LONGEST_S, segments
from roundelay.voice.tokenizer.text import Symbol
from roundelay.voice.tokens import Tokens

V = units.NANO


def test_characters_come_back_and_others_are_refused() -> None:
    text = "it's 3.5 o'clock"
    assert units.text_of(units.characters(text)) == text
    with pytest.raises(BadInput, match="no unit"):
        units.characters("Über")


def test_units_do_not_overlap() -> None:
    places = [*map(int, Symbol), *units.characters(units.CHARACTERS), *units.PHONE_IDS]
    places += [units.voice_id(name) for name in units.VOICES]
    assert len(set(places)) == len(places) and max(places) < V.text


def test_sound_comes_back_from_the_models_ids() -> None:
    tokens = Tokens.interleave(np.arange(8), np.arange(100, 112))
    mixed = [units.PAUSE, *units.codes(tokens), int(Symbol.EOT)]
    assert units.tokens(mixed).tolist() == tokens.ids.tolist()
    assert max(units.codes(tokens)) < V.size


@pytest.mark.parametrize("longest", [12, 40, 90])
def test_pieces_hold_the_words_in_order_and_are_short(longest: int) -> None:
    text = "Dr. Lee, who paid $3.50, left at 9:05. " * 5 + "supercalifragilisticexpialidocious " * 3
    parts = pieces(text, longest)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert max(map(len, parts)) <= longest


def test_segments_find_speech_and_leave_silence() -> None:
    rng = np.random.default_rng(0)
    loud, quiet = 0.1 * rng.standard_normal(16_000), 1e-5 * rng.standard_normal(32_000)
    wave = np.concatenate([quiet, *[np.concatenate([np.tile(loud, 5), quiet]) for _ in range(3)]]).clip(-1, 1)
    found = segments(Audio(wave.astype(np.float32), 16_000))
    assert len(found) == 3 and all(part.duration_s <= LONGEST_S for part in found)
    assert sum(part.duration_s for part in found) == pytest.approx(15, abs=2.5)
    assert segments(Audio(quiet.astype(np.float32), 16_000)) == []


def test_endless_speech_is_cut() -> None:
    wave = 0.1 * np.random.default_rng(0).standard_normal(16_000 * 50).clip(-3, 3)
    found = segments(Audio(wave.astype(np.float32), 16_000))
    assert all(part.duration_s <= LONGEST_S for part in found)
    assert sum(part.duration_s for part in found) == pytest.approx(50, abs=0.1)


def said(logits: np.ndarray, characters: int, seed: int = 0) -> list[int]:
    drawn, ids = Speaking(characters, seed), []
    while not drawn.done:
        ids.append(drawn.draw(logits))
    return ids


def test_what_is_drawn_keeps_the_pattern_and_ends() -> None:
    logits = np.random.default_rng(1).normal(0, 1, V.size).astype(np.float32)
    ids = said(logits, 20)
    assert ids[-1] == Symbol.EOT and ids == said(logits, 20) != said(logits, 20, seed=1)
    Tokens(units.tokens(ids))  # raises where the 2+3 pattern is broken
    assert all(i in units.PHONE_IDS or i >= V.text for i in ids[:-1])


def test_a_voice_that_never_stops_is_stopped() -> None:
    logits = np.zeros(V.size, np.float32)
    logits[Symbol.EOT], logits[V.text :] = -1e9, 30
    drawn = Speaking(10)
    longest = drawn.longest
    ids = said(logits, 10)
    assert len([i for i in ids if i >= V.text]) == longest * V.group
    phones = [at for at, i in enumerate(ids) if i in units.PHONE_IDS]
    assert phones and phones[0] <= STILL_GROUPS * V.group  # it may not hold one sound for ever
