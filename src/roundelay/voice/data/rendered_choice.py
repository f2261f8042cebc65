"""Which of the lines that Kokoro has spoken make a corpus."""

from __future__ import annotations

import numpy as np

from roundelay.voice.data.config import DataConfig
from roundelay.voice.data.rendered import RenderedLine, folder_of, read


def choose(config: DataConfig, hours: float) -> dict[str, list[RenderedLine]]:
    """The rendered lines of each split that a configuration wants, at most `hours` of "train", in a seeded order."""
    splits: dict[str, list[RenderedLine]] = {"train": [], "dev": [], "test": []}
    for line in read(folder_of(config.rendered.folder), config.rendered.lines):
        wanted = not config.plain or line.speaker in config.plain
        if line.split == "test" or (wanted and line.speaker not in config.without):
            splits[line.split].append(line)
    limits = {"train": hours * 3600, "dev": config.dev_s, "test": float("inf") if config.test else 0.0}
    return {split: _head(lines, limits[split], config.seed) for split, lines in splits.items()}


def _head(lines: list[RenderedLine], seconds: float, seed: int) -> list[RenderedLine]:
    taken, total = [], 0.0
    for at in np.random.default_rng([seed, 7]).permutation(len(lines)):
        if total >= seconds:
            break
        taken.append(lines[at])
        total += lines[at].duration_s
    return taken
