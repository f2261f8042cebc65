"""The corpora's speakers: hundreds of voices made from a few by seeded warps; one voice of each engine is held out.

Held out, with all their warps: flite `awb`, festival `kal_diphone` and espeak-ng's variant `m3`. flite's
`kal` and `kal16` are recordings of the same person as festival's `kal_diphone`, so they are not trained on.
Of Kokoro's 28 English voices a woman and a man are held out, `bf_emma` and `am_fenrir`, with all their mixtures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roundelay.voice.engines.kokoro.voices import table

TRAIN_VOICES = {"flite": ("slt", "rms"), "festival": ("cmu_us_slt_arctic_hts", "ked_diphone")}
TEST_VOICES = {
    "flite": ("awb",),
    "festival": ("kal_diphone",),
    "espeak": ("en-us+m3",),
    "kokoro": ("bf_emma", "am_fenrir"),
}
KOKORO, MIX = "kokoro", "+"  # the names in a mixture of Kokoro's voices stand between plus signs
KOKORO_SPEEDS = (0.9, 1.2)
ESPEAK_WPM = 160  # words per minute of speed 1
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
    """A speaker: engine, the engine's voice, the warp (None: unchanged), espeak-ng's pitch, and the speed's ratio."""

    name: str
    engine: str
    voice: str
    warp: Warp | None = None
    pitch: int = 50
    speed: float = 1.0

    @property
    def varied(self) -> bool:
        """Whether the speaker is made of an engine's own voices: warped, or a mixture of them."""
        return self.warp is not None or (self.engine == KOKORO and MIX in self.voice)


def training_speakers(engine: str, warped: int, seed: int) -> tuple[Speaker, ...]:
    """The training speakers of an engine: its plain voices first, then `warped` seeded variations of them.

    espeak-ng is varied by its own accents, variants, pitch and speed and never by WORLD; Kokoro by mixtures of two of
    its voices, and speed.
    """
    rng = np.random.default_rng([seed, len(engine), ord(engine[0])])
    if engine == KOKORO:
        return _kokoro(warped, rng)
    if engine == "espeak":
        return (Speaker("espeak-en-us", "espeak", "en-us"), *(_espeak(k, rng) for k in range(warped)))
    voices = TRAIN_VOICES[engine]
    plain = tuple(Speaker(f"{engine}-{voice}", engine, voice) for voice in voices)
    return plain + tuple(
        Speaker(f"{engine}-{voice}-w{k:03d}", engine, voice, _warp(rng))
        for k, voice in ((k, voices[k % len(voices)]) for k in range(warped))
    )


def held_out_speakers(engine: str) -> tuple[Speaker, ...]:
    """The voices of an engine that are never trained on."""
    return tuple(Speaker(f"{engine}-{voice}", engine, voice) for voice in TEST_VOICES[engine])


def is_held_out(voice: str) -> bool:
    """Whether a voice of Kokoro, or one in a mixture, is never trained on."""
    return not set(TEST_VOICES[KOKORO]).isdisjoint(voice.split(MIX))


def _kokoro(mixed: int, rng: np.random.Generator) -> tuple[Speaker, ...]:
    """Kokoro's English voices but those held out, then mixtures of two of them at a speed of their own."""
    names = [name for name in table() if name[0] in "ab" and not is_held_out(name)]
    plain = [Speaker(f"{KOKORO}-{name}", KOKORO, name) for name in names]
    for k in range(mixed):
        voice = MIX.join(sorted(str(name) for name in rng.choice(names, 2, replace=False)))
        speed = round(float(rng.uniform(*KOKORO_SPEEDS)), 2)
        plain.append(Speaker(f"{KOKORO}-{voice}-s{speed:.2f}-{k:03d}", KOKORO, voice, None, 50, speed))
    return tuple(plain)


def _warp(rng: np.random.Generator) -> Warp:
    """A random warp. Higher voices tend to have shorter vocal tracts: formants follow the pitch to the power 0.33."""
    f0 = float(np.exp(rng.uniform(*np.log(F0_RANGE))))
    formant = float(np.clip(f0**0.33 * np.exp(rng.normal(0, 0.06)), *FORMANT_RANGE))
    return Warp(round(f0, 3), round(formant, 3), round(float(rng.uniform(*RATE_RANGE)), 3))


def _espeak(k: int, rng: np.random.Generator) -> Speaker:
    voice = ESPEAK_ACCENTS[rng.integers(len(ESPEAK_ACCENTS))] + ESPEAK_VARIANTS[rng.integers(len(ESPEAK_VARIANTS))]
    pitch, speed = int(rng.integers(25, 76)), int(rng.integers(130, 186))
    return Speaker(f"espeak-{voice}-p{pitch}-s{speed}-{k:03d}", "espeak", voice, None, pitch, speed / ESPEAK_WPM)
