"""The embedded model's parts that need no weights: units, pieces of text, segments of sound, drawing what is said."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.shape import Shape
from roundelay.voice.audio import Audio
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.dictation import MAX_CHARACTERS_PER_GROUP, Dictation
from roundelay.voice.engines.nano.generate import (
    EXTRA_GROUPS,
    MAX_GROUPS_PER_CHARACTER,
    MAX_GROUPS_PER_PHONE,
    MORE_ROUNDS,
    SpeechGenerator,
    best_of_n,
    generate,
    longest_gap_s,
)
from roundelay.voice.engines.nano.pauses import PauseShaper
from roundelay.voice.engines.nano.pieces import Piece, pieces
from roundelay.voice.engines.nano.segments import MAX_SEGMENT_S, segments
from roundelay.voice.lm.engine import Session
from roundelay.voice.text.chunks import MAX_CHUNK_CHARACTERS
from roundelay.voice.text.normalise import normalise
from roundelay.voice.tokenizer.text import Symbol
from roundelay.voice.tokens import Tokens

V = vocabulary.NANO


def test_characters_come_back_and_others_are_refused() -> None:
    text = "it's 3.5 o'clock"
    assert vocabulary.text_of(vocabulary.character_ids(text)) == text
    with pytest.raises(BadInput, match="no unit"):
        vocabulary.character_ids("Über")


def test_units_do_not_overlap() -> None:
    places = [*map(int, Symbol), *vocabulary.character_ids(vocabulary.CHARACTERS), *vocabulary.PHONE_IDS]
    places += [vocabulary.voice_id(name) for name in vocabulary.VOICES]
    assert len(set(places)) == len(places) and max(places) < V.text


def test_sound_comes_back_from_the_models_ids() -> None:
    tokens = Tokens.interleave(np.arange(8), np.arange(100, 112))
    mixed = [vocabulary.PAUSE, *vocabulary.code_ids(tokens), int(Symbol.EOT)]
    assert vocabulary.audio_ids(mixed).tolist() == tokens.ids.tolist()
    assert max(vocabulary.code_ids(tokens)) < V.size


def chunks(text: str, longest: int = MAX_CHUNK_CHARACTERS) -> list[str]:
    return [" ".join(piece.words) for piece in pieces(text, longest)]


@pytest.mark.parametrize("longest", [12, 40, 90])
def test_pieces_hold_the_words_in_order_and_are_short(longest: int) -> None:
    text = "Dr. Lee, who paid $3.50, left at 9:05. " * 5 + "supercalifragilisticexpialidocious " * 3
    parts = chunks(text, longest)
    assert "".join("".join(parts).split()) == "".join(normalise(text).split())
    assert max(map(len, parts)) <= longest


@pytest.mark.parametrize(
    "text",
    [
        "We meet on Feb. 17, 2025.",
        "Room No. 5",
        "p. 12 and Fig. 3",
        "Jan. 3",
        "Dr. Lee",
        "George C. Scott",
        "cats vs. dogs",
        "J. R. R. Tolkien",
    ],
)
def test_what_is_read_together_is_one_piece(text: str) -> None:
    assert chunks(text) == [normalise(text)]


@pytest.mark.parametrize("text", [", ".join(["$7,777,777.77"] * 5), "9" * 90, "H100 " * 50, "1/2 " * 50])
def test_pieces_are_short_in_what_is_said(text: str) -> None:
    parts = chunks(text)
    assert " ".join(parts) == normalise(text) and max(map(len, parts)) <= MAX_CHUNK_CHARACTERS
    assert min(map(len, parts)) > MAX_CHUNK_CHARACTERS // 4  # no piece is a word that was left over


def test_sentences_are_pieces_and_marks_are_none() -> None:
    text = 'No. That is wrong! "Why?" he said. ... \nBecause: I do.\n***\nHe is Dr.\nWho'
    said = ["no", "that is wrong", "why", "he said", "because", "i do", "he is doctor", "who"]
    assert chunks(text) == said
    with pytest.raises(BadInput, match="nothing to read aloud"):
        chunks("...")


def test_marks_are_pauses_and_letters_have_names() -> None:
    found = pieces("Well, ask the BBC; or WWW and I will? Yes")
    assert found == [
        Piece(("well",), 0.2),
        Piece(("ask", "the", "b", "b", "c"), 0.3),
        Piece(("or", *["double", "you"] * 3, "and", "i", "will"), 0.45),
        Piece(("yes",), 0.45),
    ]
    assert [" ".join(piece.words) for piece in pieces("AI")] == ["ay i"]


@pytest.mark.parametrize("block", [1, 100, 1_000, 100_000])
def test_pauses_get_the_length_that_fits(block: int) -> None:
    rate, tone = 16_000, np.full(16_000, 0.1, np.float32)

    def silent(seconds: float) -> np.ndarray:
        return np.zeros(round(seconds * rate), np.float32)

    parts = [silent(0.5), tone, silent(3), tone, silent(0.1), tone, silent(0.9), tone, tone, silent(2)]
    line, shaper = np.concatenate(parts), PauseShaper(rate)
    for sample, pause_s in ((5.6, 0.2), (7.1, 0.45), (8.5, 0.3)):
        shaper.boundary(round(sample * rate), pause_s)
    made = [shaper.push(line[at : at + block]) for at in range(0, len(line), block)]
    sound = np.concatenate([*made, shaper.finish()])
    loud = [(key, sum(1 for _ in run) / rate) for key, run in groupby(sound > 0)]
    assert loud == [
        (False, 0.3),
        (True, 1.0),
        (False, 0.35),
        (True, 1.0),
        (False, 0.2),
        (True, 1.0),
        (False, 0.45),
        (True, 1.0),
        (False, 0.3),
        (True, 1.0),
        (False, 0.3),
    ]


def test_the_longest_gap_is_that_of_the_new_groups() -> None:
    logs = np.full((60, 40), -9.0)
    logs[:, 0] = 0.0
    logs[[5, 40], 1] = 1.0
    assert longest_gap_s(logs) == 34 / 50 and longest_gap_s(logs, 7) == 19 / 50
    assert longest_gap_s(np.zeros((0, 40))) == 0.0


def test_segments_find_speech_and_leave_silence() -> None:
    rng = np.random.default_rng(0)
    loud, quiet = 0.1 * rng.standard_normal(16_000), 1e-5 * rng.standard_normal(32_000)
    wave = np.concatenate([quiet, *[np.concatenate([np.tile(loud, 5), quiet]) for _ in range(3)]]).clip(-1, 1)
    found = segments(Audio(wave.astype(np.float32), 16_000))
    assert len(found) == 3 and all(part.duration_s <= MAX_SEGMENT_S for _, part in found)
    assert sum(part.duration_s for _, part in found) == pytest.approx(15, abs=2.5)
    assert [start_s for start_s, _ in found] == pytest.approx([2, 9, 16], abs=0.3)
    assert segments(Audio(quiet.astype(np.float32), 16_000)) == []


def test_endless_speech_is_cut() -> None:
    wave = 0.1 * np.random.default_rng(0).standard_normal(16_000 * 50).clip(-3, 3)
    found = segments(Audio(wave.astype(np.float32), 16_000))
    assert all(part.duration_s <= MAX_SEGMENT_S for _, part in found)
    assert sum(part.duration_s for _, part in found) == pytest.approx(50, abs=0.1)


def test_a_long_stretch_is_cut_where_it_is_quietest() -> None:
    wave = 0.1 * np.random.default_rng(0).standard_normal(16_000 * 15).clip(-3, 3)
    wave[16_000 * 8 : 16_000 * 8 + 8_000] *= 0.3
    (_, first), *_ = segments(Audio(wave.astype(np.float32), 16_000))
    assert 8 < first.duration_s < 8.5


class Same:
    """An engine whose logits never change."""

    def __init__(self, logits: np.ndarray, room: int = 2048) -> None:
        self.logits, self.shape = logits, replace(Shape.preset("nano"), max_length=room)
        self.opened: list[Session[None]] = []

    def open(self) -> Session[None]:
        self.opened.append(Session(None))
        return self.opened[-1]

    def prefill(self, session: Session[None], ids: list[int], cancelled: object = None) -> np.ndarray:
        session.ids[:] = ids
        return self.logits

    def step(self, session: Session[None], token: int) -> np.ndarray:
        session.ids.append(token)
        return self.logits

    def fork(self, session: Session[None]) -> Session[None]:
        return Session(None, list(session.ids))


def spoken(
    logits: np.ndarray, words: list[str], seed: int = 0, pronunciations: dict[str, list[tuple[int, ...]]] | None = None
) -> tuple[list[list[int]], list[int]]:
    engine = Same(logits)
    generator = SpeechGenerator(
        engine, engine.open(), words, seed, pronunciations=lambda word: (pronunciations or {}).get(word, [])
    )
    generator.begin(None)
    return generator.generate_until(len(words)), generator.session.ids


def test_what_is_drawn_keeps_the_pattern_the_words_and_the_seed() -> None:
    logits = np.random.default_rng(1).normal(0, 1, V.size).astype(np.float32)
    logits[V.text :] -= 8  # more often a phone than sound
    logits[vocabulary.NEXT_WORD] = logits[Symbol.EOT] = logits[Symbol.THINK_END] = 8.0
    groups, ids = spoken(logits, ["two", "words"])
    Tokens(vocabulary.audio_ids([i for group in groups for i in group]))  # raises where the 2+3 pattern is broken
    assert vocabulary.text_of(ids) == "two words " and ids.count(int(vocabulary.NO_MORE_WORDS)) == 1
    assert spoken(logits, ["two", "words"])[1] == ids != spoken(logits, ["two", "words"], seed=1)[1]


def test_phones_are_said_in_the_order_they_were_thought() -> None:
    logits = np.random.default_rng(2).normal(0, 1, V.size).astype(np.float32)
    logits[vocabulary.PAUSE], logits[Symbol.THINK_END], logits[vocabulary.NEXT_WORD] = -9.0, -9.0, 5.0
    _, ids = spoken(logits, ["cat"])
    start, stop = ids.index(int(vocabulary.NEXT_WORD)), ids.index(int(Symbol.THINK_END))
    thought = [i for i in ids[start:stop] if i in vocabulary.PHONE_IDS]
    emitted = [i for i in ids[stop:] if i in vocabulary.PHONE_IDS]
    assert len(thought) == 2 * len("cat") + 2 and emitted == thought[: len(emitted)] and emitted


def test_a_word_is_thought_in_a_way_it_is_known_to_sound() -> None:
    logits = np.random.default_rng(3).normal(0, 1, V.size).astype(np.float32)
    logits[Symbol.THINK_END] = -9.0
    first = vocabulary.PHONE_IDS.start
    logits[first + 5], logits[first + 9] = 2.0, 3.0  # it would say 9 if it might
    pronunciations = {"a": [(5, 6), (5, 7, 8), (4,)], "w": [tuple(range(1, 8))]}
    logits[first + 7], logits[vocabulary.NEXT_WORD] = logits[first + 6] + 1, 5.0
    for word, way in (("a", [5, 7, 8]), ("w", [*range(1, 8)])):
        _, ids = spoken(logits, [word], pronunciations=pronunciations)
        thought = ids[ids.index(int(vocabulary.NEXT_WORD)) : ids.index(int(Symbol.THINK_END))]
        assert [i - first for i in thought if i in vocabulary.PHONE_IDS] == way


def test_a_phone_it_does_not_like_is_said_in_time_whatever_pauses_it_takes() -> None:
    logits = np.zeros(V.size, np.float32)
    logits[V.text :], logits[vocabulary.PAUSE], logits[vocabulary.NEXT_WORD] = 9.0, 14.0, 20.0
    logits[vocabulary.PHONE_IDS.start + 1 : vocabulary.PHONE_IDS.stop] = -30.0
    groups, ids = spoken(logits, ["cat"], pronunciations={"cat": [(20, 2, 31)]})
    emitted = ids[ids.index(int(Symbol.THINK_END)) :]
    assert [i - vocabulary.PAUSE for i in emitted if i in vocabulary.PHONE_IDS and i != vocabulary.PAUSE] == [20, 2, 31]
    assert len(groups) <= 5 * MAX_GROUPS_PER_PHONE


def test_a_voice_that_never_stops_is_stopped() -> None:
    logits = np.zeros(V.size, np.float32)
    logits[V.text :] = 30
    groups, ids = spoken(logits, ["endless"])
    assert len(groups) == int(8 * MAX_GROUPS_PER_CHARACTER) + EXTRA_GROUPS or ids[-1] != Symbol.EOT
    runs = [len(list(run)) for codes, run in groupby(i >= V.text for i in ids[3:]) if codes]
    assert max(runs) <= MAX_GROUPS_PER_PHONE * V.group  # it may not hold one sound for ever


@pytest.mark.parametrize("room", [70, 80, 101])
def test_words_that_no_session_has_room_for_are_said_in_another(room: int) -> None:
    logits = np.random.default_rng(1).normal(0, 1, V.size).astype(np.float32)
    logits[V.text :] -= 5.2
    logits[vocabulary.NEXT_WORD] = logits[Symbol.EOT] = logits[Symbol.THINK_END] = 4.0
    words = [f"{a}{b}" for a in "bdfg" for b in "aeiou"]
    engine = Same(logits, room)
    generator = SpeechGenerator(engine, engine.open(), words)
    heard = np.eye(40)[1]  # a phone at every step
    groups = list(generate(generator, None, lambda groups: np.tile(heard, (6 * len(groups), 1)), lambda n: 1))
    Tokens(vocabulary.audio_ids([i for group in groups for i in group]))
    told = [vocabulary.text_of(session.ids).split() for session in engine.opened]
    assert len(told) > 1 and all(len(session.ids) < room for session in engine.opened)
    assert set(words) <= {word for part in told for word in part}
    for before, after in pairwise(told):
        assert words.index(after[0]) - words.index(before[-1]) in (0, 1)  # the last is said again where it was cut


def test_a_stretch_with_a_gap_is_made_again_and_at_last_its_words_are_split_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("roundelay.voice.engines.nano.generate.MAX_GAP_S", 0.1)
    logits = np.random.default_rng(4).normal(0, 1, V.size).astype(np.float32)
    logits[V.text :] -= 5.2
    logits[vocabulary.NEXT_WORD] = logits[Symbol.EOT] = logits[Symbol.THINK_END] = 2.0
    engine, made = Same(logits), []

    def silent(groups: list[list[int]]) -> np.ndarray:
        made.append(groups)
        logs = np.full((6 * len(groups), 40), -9.0)
        logs[:, 0] = 0.0
        return logs

    generator = SpeechGenerator(engine, engine.open(), ["a", "few", "words", "more", "words", "here"])
    groups = list(generate(generator, None, silent, lambda n: 2))
    assert 1 < len(engine.opened) <= 6 and groups  # nothing but gaps: still said, in bounded tries
    assert len(made) <= 6 * (2 + MORE_ROUNDS * 3) * 2


def test_a_session_in_which_no_word_fits_ends() -> None:
    engine = Same(np.zeros(V.size, np.float32), 4)
    generator = SpeechGenerator(engine, engine.open(), ["three", "short", "words"])
    assert (
        not list(generate(generator, None, lambda groups: np.zeros((0, 40)), lambda n: 1)) and len(engine.opened) == 3
    )


def test_a_voice_that_listens_to_itself_keeps_what_it_hears_best() -> None:
    logits = np.random.default_rng(4).normal(0, 1, V.size).astype(np.float32)
    logits[V.text :] -= 5.2  # a phone about as often as sound
    logits[vocabulary.NEXT_WORD] = logits[Symbol.EOT] = logits[Symbol.THINK_END] = 2.0
    engine, tries = Same(logits), []

    def recognize(groups: list[list[int]]) -> np.ndarray:
        tries.append(sum(i for group in groups for i in group))
        logs = np.full((6 * len(groups), 40), -20.0)
        logs[:, 0] = -float(tries[-1] % 1000)  # a judge with a taste for certain sums
        return logs

    generator = SpeechGenerator(engine, engine.open(), ["a", "few", "words", "more"])
    generator.begin(None)
    groups = list(best_of_n(generator, recognize, lambda n: 3))
    Tokens(vocabulary.audio_ids([i for group in groups for i in group]))
    assert len(tries) % 3 == 0 and len(set(tries)) > 3  # three different ways, several times
    alone = SpeechGenerator(engine, engine.open(), ["a", "few", "words", "more"])
    alone.begin(None)
    judged = len(tries)
    assert list(best_of_n(alone, recognize, lambda n: 1)) and len(tries) > judged  # one way is judged for its gaps


def test_hearing_writes_until_it_listens_on() -> None:
    logits = np.zeros(V.size, np.float32)
    logits[vocabulary.character_ids("a")[0]] = 5.0
    engine = Same(logits)
    dictation = Dictation(engine, engine.open())
    dictation.push_group([V.linguistic_offset] * 2 + [V.semantic_offset] * 3, [vocabulary.PAUSE])
    assert dictation.text == "a" * MAX_CHARACTERS_PER_GROUP  # an endless word is cut
    logits[vocabulary.NEXT_GROUP] = 9.0
    dictation.push_group([V.linguistic_offset] * 2 + [V.semantic_offset] * 3, [])
    assert dictation.text == "a" * MAX_CHARACTERS_PER_GROUP
    logits[Symbol.EOT] = 9.5
    assert dictation.finish() == "a" * MAX_CHARACTERS_PER_GROUP
