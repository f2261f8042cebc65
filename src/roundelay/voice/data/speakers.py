"""The corpora's speakers: hundreds of voices made from a few by seeded warps; one voice of each engine is held out.

Held out, with all their warps: flite `awb`, festival `kal_diphone` and espeak-ng's variant `m3`. flite's
`kal` and `kal16` are recordings of the same person as festival's `kal_diphone`, so they are not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TRAIN_VOICES = {"flite": ("slt", "rms"), "festival": ("cmu_us_slt_arctic_hts", "ked_diphone")}
TEST_VOICES = {"flite": "awb", "festival": "kal_diphone", "espeak": "en-us+m3"}
ESPEAK_ACCENTS = (
    "en-us",
    "en-us",
    "en-us",
    "en-us-nyc",
    "en-gb-x-rp",
    "en-gb-scotland",
)  # twice as many American
ESPEAK_VARIANTS = (
    "",
    "+f1",
    "+f2",
    "+f3",
    "+f4",
    "+f5",
    "+m1",
    "+m2",
    "+m4",
    "+m5",
    "+m6",
    "+m7",
    "+m8",
    "+klatt2",
)
F0_RANGE, FORMANT_RANGE, RATE_RANGE = (0.7, 1.5), (0.85, 1.18), (0.85, 1.2)


@dataclass(frozen=True, slots=True)
class Warp:
    """How WORLD changes a voice: factors on its fundamental frequency, its formants and its speaking rate."""

    f0: float
    formant: float
    rate: float


@dataclass(frozen=True, slots=True)
class Speaker:
    """A speaker: engine, the engine's voice, the warp (None: unchanged), espeak-ng's pitch and speed."""

    name: str
    engine: str
    voice: str
    warp: Warp | None = None
    pitch: int = 50
    speed: int = 160


def training_speakers(engine: str, warped: int, seed: int) -> tuple[Speaker, ...]:
    """The training speakers of an engine: its plain voices first, then `warped` seeded variations of them.

    espeak-ng is varied by its own accents, variants, pitch and speed and never by WORLD.
    """
    rng = np.random.default_rng([seed, len(engine), ord(engine[0])])
    if engine == "espeak":
        return (Speaker("espeak-en-us", "espeak", "en-us"), *(_espeak(k, rng) for k in range(warped)))
    voices = TRAIN_VOICES[engine]
    plain = tuple(Speaker(f"{engine}-{voice}", engine, voice) for voice in voices)
    return plain + tuple(
        Speaker(f"{engine}-{voice}-w{k:03d}", engine, voice, _warp(rng))
        for k, voice in ((k, voices[k % len(voices)]) for k in range(warped))
    )


def held_out_speaker(engine: str) -> Speaker:
    """The voice of an engine that is never trained on."""
    voice = TEST_VOICES[engine]
    return Speaker(f"{engine}-{voice}", engine, voice)


def _warp(rng: np.random.Generator) -> Warp:
    """A random warp. Higher voices tend to have shorter vocal tracts: formants follow the pitch to the power 0.33."""
    f0 = float(np.exp(rng.uniform(*np.log(F0_RANGE))))
    formant = float(np.clip(f0**0.33 * np.exp(rng.normal(0, 0.06)), *FORMANT_RANGE))
    return Warp(round(f0, 3), round(formant, 3), round(float(rng.uniform(*RATE_RANGE)), 3))


def _espeak(k: int, rng: np.random.Generator) -> Speaker:
    voice = ESPEAK_ACCENTS[rng.integers(len(ESPEAK_ACCENTS))] + ESPEAK_VARIANTS[rng.integers(len(ESPEAK_VARIANTS))]
    pitch, speed = int(rng.integers(25, 76)), int(rng.integers(130, 186))
    return Speaker(f"espeak-{voice}-p{pitch}-s{speed}-{k:03d}", "espeak", voice, None, pitch, speed)
