"""Use of the codebooks: entries used and perplexity over speech, and what silence, noise and music give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.codebook import code_use
from roundelay.voice.eval.tasks.codec import RATE_HZ, Codec
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, by_set, fixed
from roundelay.voice.vocab import VOCAB

SIZES = {"linguistic": VOCAB.linguistic, "semantic": VOCAB.semantic}
SPEECH = "speech"


def codebooks(codec: Codec, recordings: Sequence[Recording]) -> Task[tuple[str, Audio]]:
    """The task: of each kind of sound the codes, the entries used, their perplexity; and the level decoded."""
    sounds = [(SPEECH, each.audio) for each in recordings] + list(other_sounds().items())

    def run(item: tuple[str, Audio]) -> Row:
        name, audio = item
        tokens = codec.tokenizer.encode(audio)
        row = {"set": name} | {book: codes.tolist() for book, codes in zip(SIZES, tokens.split(), strict=True)}
        if name != SPEECH:
            made = codec.decoder.decode(tokens, None)
            level = 20 * np.log10(max(float(np.sqrt(np.mean(made.samples**2))), 1e-6))
            row["decoded level dBFS"] = round(level, 1)
        return row

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {}
        for name, found in by_set(rows):
            numbers[name] = {book: _use(found, book) for book in SIZES}
            if name != SPEECH:
                numbers[name]["decoded level dBFS"] = found[0]["decoded level dBFS"]
        return numbers

    return Task("codebooks", fixed(sounds), run, score)


def _use(rows: Sequence[Row], book: str) -> Numbers:
    use = code_use(np.concatenate([np.array(row[book], np.int64) for row in rows]), SIZES[book])
    return {
        "used": use.used,
        "used %": round(100 * use.share, 1),
        "perplexity": round(use.perplexity, 1),
        "codes": use.codes,
    }


def other_sounds(seconds: float = 20.0) -> dict[str, Audio]:
    """Silence, white and pink noise, and a tune of plucked chords, all synthesised here."""
    rng, count = np.random.default_rng(7), round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(count)) / np.sqrt(np.maximum(np.arange(count // 2 + 1), 20))
    pink = np.fft.irfft(spectrum, count)
    tune, beat = np.zeros(count), RATE_HZ // 3
    time = np.arange(beat * 2) / RATE_HZ
    for at in range(0, count - 2 * beat, beat):
        root = 110 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 12]) / 12)
        for ratio in (1.0, 1.26, 1.5):
            for k in range(1, 8):
                tune[at : at + 2 * beat] += np.sin(2 * np.pi * root * ratio * k * time) / k * np.exp(-3 * time)
    sounds = {"silence": np.zeros(count), "white noise": 0.1 * rng.standard_normal(count)}
    sounds |= {"pink noise": 0.3 * pink / np.abs(pink).max(), "music": 0.5 * tune / np.abs(tune).max()}
    return {name: Audio.from_array(wave, RATE_HZ) for name, wave in sounds.items()}
