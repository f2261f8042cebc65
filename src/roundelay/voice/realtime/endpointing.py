"""End-of-turn probability from prosody and from the transcript so far (ours).

The weights are set by hand, because no recorded conversations with labelled turns may be shipped here. Evidence for
the end of a turn: a falling or strongly rising final pitch, a final vowel that fades. Evidence against it: a level
pitch, a filler, a last word that needs another ("what is the", "twelve plus"). Text outweighs prosody. Where the
responder's own end-of-query model gives a probability, that replaces the word rules.
"""

from __future__ import annotations

import numpy as np

from roundelay.voice.realtime import language_table
from roundelay.voice.realtime.core.backchannel import words
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.realtime.core.language import Language
from roundelay.voice.vad import periodicity

WINDOW, HOP = 640, 320  # samples: 40 ms, two periods of 70 Hz; every 20 ms
PROSODY_WINDOW_S = 1.2  # of audio before the pause
LAST_FRAMES = 6  # 120 ms: about the last vowel
FALL_ST, RISE_ST = -1.5, 3.0  # semitones: a statement's end, a question's
FADE_DB = 4.0  # the last vowel under those before
CONFIDENT_LOG_ODDS = 1.5  # of `p_complete` at which the text score saturates


def prosody_score(sound: np.ndarray) -> float:
    """The prosodic evidence that audio, float32 [n] at 16 kHz, ends a turn: -1 (goes on) to 1 (over), 0 unknown."""
    line = np.asarray(sound[-round(PROSODY_WINDOW_S * INPUT_RATE_HZ) :], np.float64)
    if len(line) < WINDOW + LAST_FRAMES * HOP:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(line, WINDOW)[::HOP]
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
    found = [periodicity(frame) for frame in frames]
    voiced = [at for at, (clear, _) in enumerate(found) if clear > 0.6 and level_db[at] > level_db.max() - 25]
    if len(voiced) < 2 * LAST_FRAMES:
        return 0.0
    last, before = voiced[-LAST_FRAMES:], voiced[:-LAST_FRAMES]
    # Medians, so that one octave error of the pitch is not taken for intonation.
    turn_st = 12 * np.log2(np.median([found[at][1] for at in last]) / np.median([found[at][1] for at in before]))
    fade_db = float(np.median(level_db[before]) - np.median(level_db[last]))
    melody = 1.0 if turn_st <= FALL_ST or turn_st >= RISE_ST else -0.6
    fading = float(np.clip(fade_db / FADE_DB, -1, 1))
    return float(np.clip(0.6 * melody + 0.4 * fading, -1, 1))


def text_score(text: str, p_complete: float | None = None, language: Language | None = None) -> float:
    """The textual evidence that the turn is over: -1 (more words must follow) to 1, 0 for no words.

    `p_complete` is the semantic model's probability that the query is complete; None where there is no such model.
    `language` is English by default.
    """
    line = words(text)
    if not line:
        return 0.0
    if p_complete is not None:
        p_complete = min(max(p_complete, 1e-6), 1 - 1e-6)
        return float(np.clip(np.log(p_complete / (1 - p_complete)) / CONFIDENT_LOG_ODDS, -1, 1))
    table = language or language_table.load()
    if line[-1] in table.incomplete_endings and not (len(line) >= 3 and line[-1] in table.complete_after_two):
        return -1.0
    if text.rstrip().endswith(("?", ".", "!")):
        return 1.0
    return 0.8 if len(line) > 1 else 0.5


def end_of_turn_probability(
    sound: np.ndarray, text: str | None = None, p_complete: float | None = None, language: Language | None = None
) -> float:
    """The probability (0 to 1) that the turn is over; `text` is its transcript so far, None while that is unknown.

    `p_complete` and `language` as in `text_score`.
    """
    by_text = text_score(text, p_complete, language) if text is not None else 0.0
    return combined_probability(prosody_score(sound), by_text)


def combined_probability(prosody: float, text: float) -> float:
    """The probability (0 to 1) that the turn is over, from `prosody_score` and `text_score`."""
    return float(1 / (1 + np.exp(-(0.1 + 1.0 * prosody + 2.2 * text))))
