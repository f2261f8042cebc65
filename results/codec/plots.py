"""The figures: spectrograms of original, vocoder and tokens; F0 tracks; the use of the codes."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from chain import Item, items
from sections import Place

from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.signal import pitch_track
from roundelay.voice.tokenizer import frontend
from roundelay.voice.vocab import VOCAB

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(place: Place, out: Path) -> None:
    """Write `spectrograms.jpg`, `pitch.png`, `codes.png` and, of the engines, `samples/*.ogg` into `out`."""
    chosen = _one_of_each(place)
    made = {item.row.id: _variants(place, item) for item in chosen}
    _spectrograms(chosen, made, out / "spectrograms.jpg")
    _pitches(chosen, made, out / "pitch.png")
    _codes(place, out / "codes.png")
    for item in chosen:
        for name, audio in made[item.row.id].items() if item.row.engine != "human" else ():
            audio.write(out / "samples" / f"{item.row.engine}-{name.split()[0]}.ogg", force=True)


def _one_of_each(place: Place) -> list[Item]:
    test = [item for item in items(place.corpus, "test") if 2.0 < item.row.duration_s < 3.2]
    chosen = [next(item for item in test if item.row.engine == engine) for engine in ("flite", "festival", "espeak")]
    human = [item for item in items(place.people, "dev") if 2.0 < item.row.duration_s < 4.0]
    stories = [item for item in human if "RoboTutor" in item.row.engine_version and item.row.kind == "sentence"]
    return [*chosen, (stories or human)[0]]


def _variants(place: Place, item: Item) -> dict[str, Audio]:
    chain = place.chain
    return {
        "original": item.audio,
        "vocoder alone": chain.vocoded(item.audio),
        "tokens": chain.resynth(item.audio, chain.encoder.embed(item.audio)),
    }


def _spectrograms(chosen: list[Item], made: dict[str, dict[str, Audio]], path: Path) -> None:
    figure, axes = plt.subplots(len(chosen), 3, figsize=(14, 2.6 * len(chosen)), squeeze=False)
    for row, item in zip(axes, chosen, strict=True):
        for axis, (name, audio) in zip(row, made[item.row.id].items(), strict=True):
            mel = frontend.log_mel(audio.samples).T
            extent = (0, audio.duration_s, 0, frontend.BANDS)
            axis.imshow(mel, origin="lower", aspect="auto", vmin=-9, vmax=0, cmap="magma", extent=extent)
            axis.set_title(f"{item.row.engine} {item.row.voice}: {name}", fontsize=9)
            axis.set_xlabel("s", fontsize=8)
        row[0].set_ylabel("mel band", fontsize=8)
        row[1].text(0.5, -0.32, f"“{item.row.text}”", transform=row[1].transAxes, ha="center", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80, pil_kwargs={"quality": 80})
    plt.close(figure)


def _pitches(chosen: list[Item], made: dict[str, dict[str, Audio]], path: Path) -> None:
    figure, axes = plt.subplots(len(chosen), 1, figsize=(10, 2.2 * len(chosen)), squeeze=False)
    styles = {"original": ("k", 3.0), "vocoder alone": ("tab:blue", 1.5), "tokens": ("tab:red", 1.5)}
    for axis, item in zip(axes[:, 0], chosen, strict=True):
        for name, audio in made[item.row.id].items():
            times, f0 = pitch_track(audio)
            colour, width = styles[name]
            axis.plot(times, np.where(f0 > 0, f0, np.nan), color=colour, lw=width, alpha=0.8, label=name)
        axis.set_title(f"{item.row.engine} {item.row.voice}", fontsize=9)
        axis.set_ylabel("F0, Hz", fontsize=8)
    axes[0, 0].legend(fontsize=8)
    axes[-1, 0].set_xlabel("s", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _codes(place: Place, path: Path) -> None:
    pairs = [place.chain.tokenizer.encode(item.audio).split() for item in items(place.corpus, "train", 400)]
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
