"""Pieces of long audio: all of the speech and none of the silence, in pieces that an engine is at ease with."""

from __future__ import annotations

import numpy as np

from roundelay.voice.pieces import FRAME, LONG_PAUSE_S, MARGIN_S, MAX_PIECE_S, RATE_HZ, Piece, SpeechPieces

FRAME_S = FRAME / RATE_HZ


class ByLevel:
    """Takes loud frames for speech; counts what it was asked."""

    asked = 0

    def speech_probability(self, frame: np.ndarray) -> float:
        self.asked += 1
        return float(np.abs(frame).max() > 0.01)


def script(*parts: tuple[float, float]) -> np.ndarray:
    """Noise of given lengths in seconds and levels, one after the other."""
    rng = np.random.default_rng(0)
    made = [level * rng.uniform(-1, 1, round(seconds * RATE_HZ)) for seconds, level in parts]
    return np.concatenate(made).astype(np.float32)


def cut(sound: np.ndarray, detector: ByLevel | None = None) -> list[Piece]:
    pieces = SpeechPieces(detector or ByLevel())
    return [*pieces.push(sound), *pieces.finish()]


def test_silence_has_no_piece_and_is_hardly_looked_at() -> None:
    detector = ByLevel()
    assert not cut(script((600, 0.0)), detector) and not cut(script((60, 2e-4)), detector)
    assert detector.asked < 100
    assert not cut(np.zeros(0, np.float32)) and not cut(np.zeros(5, np.float32))


def test_a_piece_has_its_speech_whole_with_a_margin() -> None:
    (piece,) = cut(script((5, 0.0), (2, 0.1), (5, 0.0)))
    end_s = piece.start_s + piece.audio.duration_s
    assert abs(5 - MARGIN_S - piece.start_s) <= 2 * FRAME_S and abs(7 + MARGIN_S - end_s) <= 2 * FRAME_S
    (whole,) = cut(script((0.3, 0.1)))
    assert whole.start_s == 0 and whole.audio.duration_s >= 0.3
    assert not cut(script((1, 0.0), (0.02, 0.1), (1, 0.0))), "a click is no speech"


def test_pieces_end_at_pauses_and_no_speech_is_lost_between_them() -> None:
    sound = script(*[(3.0, 0.1), (0.6, 0.0)] * 40, (LONG_PAUSE_S + 2, 0.0), (1, 0.1))
    pieces = cut(sound)
    assert len(pieces) > 4 and all(piece.audio.duration_s <= MAX_PIECE_S / 2 + 4 for piece in pieces)
    heard = np.zeros(len(sound) + FRAME, bool)
    for piece in pieces:
        at = round(piece.start_s * RATE_HZ)
        assert not heard[at : at + len(piece.audio.samples)].any(), "no sound is in two pieces"
        heard[at : at + len(piece.audio.samples)] = True
        sure = min(len(sound), at + len(piece.audio.samples))
        assert np.array_equal(piece.audio.samples[: sure - at], sound[at:sure])
    assert heard[: len(sound)][np.abs(sound) > 0.01].all()
    assert all(not np.abs(piece.audio.samples[-FRAME:]).any() for piece in pieces[:-1])


def test_without_a_pause_a_piece_is_cut_where_it_is_quietest() -> None:
    sound = script((20, 0.1), (0.2, 0.02), (60, 0.1))
    pieces = cut(sound)
    assert max(piece.audio.duration_s for piece in pieces) <= MAX_PIECE_S
    assert abs(pieces[0].start_s + pieces[0].audio.duration_s - 20.1) < 0.15
    assert sum(len(piece.audio.samples) for piece in pieces) == -(-len(sound) // FRAME) * FRAME


def test_where_the_audio_is_cut_changes_nothing() -> None:
    sound = script((1, 0.0), (20, 0.1), (0.7, 0.0), (40, 0.1), (3, 0.0), (1, 0.1))
    pieces, at, found, rng = SpeechPieces(ByLevel()), 0, list[Piece](), np.random.default_rng(1)
    while at < len(sound):
        size = int(rng.integers(0, 5_000))
        found += pieces.push(sound[at : at + size])
        at += size
    found += pieces.finish()
    whole = cut(sound)
    assert [piece.start_s for piece in found] == [piece.start_s for piece in whole]
    assert all(np.array_equal(a.audio.samples, b.audio.samples) for a, b in zip(found, whole, strict=True))
