"""The figures: spectrograms of original, vocoder and tokens; F0 tracks; the use of the codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.data.manifest import Utterance
from roundelay.voice.eval.metrics.signal import pitch_track
from roundelay.voice.eval.tasks.codec import Codec
from roundelay.voice.suites import sets
from roundelay.voice.suites.codec import CodecSuite
from roundelay.voice.tokenizer import frontend
from roundelay.voice.vocab import VOCAB

mpl.use("Agg")
from matplotlib import pyplot as plt


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """An utterance as it was and as it came back, by the variant's name."""

    engine: str
    voice: str
    text: str
    variants: dict[str, Audio]


def draw(suite: CodecSuite, out: Path) -> None:
    """Write `spectrograms.jpg`, `pitch.png`, `codes.png` and, of the engines, `samples/*.ogg` into `out`."""
    examples = _one_of_each(suite)
    _spectrograms(examples, out / "spectrograms.jpg")
    _pitches(examples, out / "pitch.png")
    _codes(suite, out / "codes.png")
    for example in examples:
        for name, audio in example.variants.items() if example.engine != "human" else ():
            audio.write(out / "samples" / f"{example.engine}-{name.split()[0]}.ogg", force=True)


def _one_of_each(suite: CodecSuite) -> list[Example]:
    test = [row for row in sets.pick(suite.corpus, "test") if 2.0 < row.duration_s < 3.2]
    chosen = [next(row for row in test if row.engine == engine) for engine in ("flite", "festival", "espeak")]
    human = [row for row in sets.pick(suite.people, "dev") if 2.0 < row.duration_s < 4.0]
    stories = [row for row in human if "RoboTutor" in row.engine_version and row.kind == "sentence"]
    found = [(suite.corpus, row) for row in chosen] + [(suite.people, (stories or human)[0])]
    return [_example(suite.codec, folder, row) for folder, row in found]


def _example(codec: Codec, folder: Path, row: Utterance) -> Example:
    audio = sets.recordings(folder, [row])[0].audio
    variants = {
        "original": audio,
        "vocoder alone": codec.vocode(audio),
        "tokens": codec.resynthesize(audio, codec.voice_of(audio)),
    }
    return Example(row.engine, row.voice, row.text, variants)


def _spectrograms(examples: list[Example], path: Path) -> None:
    figure, axes = plt.subplots(len(examples), 3, figsize=(14, 2.6 * len(examples)), squeeze=False)
    for row, example in zip(axes, examples, strict=True):
        for axis, (name, audio) in zip(row, example.variants.items(), strict=True):
            mel = frontend.log_mel(audio.samples).T
            extent = (0, audio.duration_s, 0, frontend.BANDS)
            axis.imshow(mel, origin="lower", aspect="auto", vmin=-9, vmax=0, cmap="magma", extent=extent)
            axis.set_title(f"{example.engine} {example.voice}: {name}", fontsize=9)
            axis.set_xlabel("s", fontsize=8)
        row[0].set_ylabel("mel band", fontsize=8)
        row[1].text(0.5, -0.32, f"“{example.text}”", transform=row[1].transAxes, ha="center", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80, pil_kwargs={"quality": 80})
    plt.close(figure)


def _pitches(examples: list[Example], path: Path) -> None:
    figure, axes = plt.subplots(len(examples), 1, figsize=(10, 2.2 * len(examples)), squeeze=False)
    styles = {"original": ("k", 3.0), "vocoder alone": ("tab:blue", 1.5), "tokens": ("tab:red", 1.5)}
    for axis, example in zip(axes[:, 0], examples, strict=True):
        for name, audio in example.variants.items():
            times, f0 = pitch_track(audio)
            colour, width = styles[name]
            axis.plot(times, np.where(f0 > 0, f0, np.nan), color=colour, lw=width, alpha=0.8, label=name)
        axis.set_title(f"{example.engine} {example.voice}", fontsize=9)
        axis.set_ylabel("F0, Hz", fontsize=8)
    axes[0, 0].legend(fontsize=8)
    axes[-1, 0].set_xlabel("s", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _codes(suite: CodecSuite, path: Path) -> None:
    recordings = sets.recordings(suite.corpus, sets.pick(suite.corpus, "train", 400))
    pairs = [suite.codec.tokenizer.encode(each.audio).split() for each in recordings]
    figure, axes = plt.subplots(1, 2, figsize=(12, 3.4))
    for k, (axis, name, size) in enumerate(
        zip(axes, ("linguistic", "semantic"), (VOCAB.linguistic, VOCAB.semantic), strict=True)
    ):
        counts = np.sort(np.bincount(np.concatenate([pair[k] for pair in pairs]), minlength=size))[::-1]
        axis.loglog(np.arange(1, size + 1), np.maximum(counts, 0.5))
        axis.set_title(f"{name}: {int((counts > 0).sum())} of {size} entries in {counts.sum():,} codes", fontsize=9)
        axis.set_xlabel("entry, by rank", fontsize=8)
        axis.set_ylabel("times used (0.5: never)", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)
