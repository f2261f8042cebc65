"""The vocoder stage: crops of real frames to real samples. It needs sound only, no tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roundelay.train.codec.data import Corpora, Item, train_weights
from roundelay.train.codec.pitch import filled, track
from roundelay.train.codec.vocoder import AHEAD, Vocoder, pitch_loss, spectral_loss, synthesise
from roundelay.voice.decoder.source import pulses
from roundelay.voice.tokenizer.frontend import HOP, MEMORY, normal

WARM = 20  # frames whose loss is not counted: the memory is still filling
NOISE_IN = 0.06  # standard deviation of what is added to normalised mel, so that predicted frames do not surprise


class Crops:
    """Batches of crops and their pitch; tracks are computed once per utterance and remembered."""

    def __init__(
        self,
        corpora: Corpora,
        items: Sequence[Item],
        shares: dict[str, float],
        frames: int,
        count: int,
        seed: int,
    ) -> None:
        self.corpora, self.items, self.frames, self.count, self.seed = corpora, items, frames, count, seed
        lengths = np.array([item.frames for item in items], float)
        weights = train_weights(items, shares) * lengths
        self.weights = weights / weights.sum()
        self.tracks: dict[int, np.ndarray] = {}

    def draw(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
        """Mel [B, T+2, 80], samples [B, 160·T] and pitch [B, T] (0 = unvoiced) of a step."""
        rng = np.random.default_rng([self.seed, step])
        mels, waves, pitches = [], [], []
        for at in rng.choice(len(self.items), self.count, p=self.weights):
            item = self.items[at]
            if at not in self.tracks:
                self.tracks[at] = track(self.corpora.wave(item))
            start = int(rng.integers(max(1, item.frames - self.frames - AHEAD)))
            gain = float(np.exp(rng.uniform(-1.2, 0.4)))
            mel = self.corpora.mel(item, start, self.frames + AHEAD) + np.log(gain)
            wave = self.corpora.wave(item, start, self.frames) * gain
            f0 = self.tracks[at][start : start + self.frames]
            mels.append(_fill(normal(mel), self.frames + AHEAD, -2.1))
            waves.append(_fill(wave, self.frames * HOP, 0.0))
            pitches.append(_fill(f0, self.frames, 0.0))
        return np.stack(mels), np.stack(waves), np.stack(pitches), rng


def _fill(values: np.ndarray, length: int, rest: float) -> np.ndarray:
    wide = [(0, length - len(values))] + [(0, 0)] * (values.ndim - 1)
    return np.pad(values, wide, constant_values=rest).astype(np.float32)


def step_of(net: Vocoder, crops: Crops, device: torch.device) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step: spectra, mel, pitch."""

    def losses(step: int) -> dict[str, Tensor]:
        mel, wave, f0, rng = crops.draw(step)
        mel += rng.normal(0, NOISE_IN * rng.random((len(mel), 1, 1)), mel.shape).astype(np.float32)
        glide = np.stack([filled(row) for row in f0])
        train, _ = pulses(glide, glide[:, 0], rng.uniform(0, 2 * np.pi, len(glide)))
        noise = rng.standard_normal((len(glide), MEMORY + wave.shape[1]), dtype=np.float32)
        to = lambda array: torch.from_numpy(array).to(device)  # noqa: E731
        gains, pitch, _, _ = net(to(mel))
        sound = synthesise(gains[:, AHEAD:], to(np.pad(train, ((0, 0), (MEMORY, 0)))), to(noise))
        first, last = WARM * HOP, wave.shape[1] - MEMORY
        spectra, bands = spectral_loss(sound[:, MEMORY + first : MEMORY + last], to(wave[:, first:last]))
        tone = pitch_loss(pitch[:, AHEAD:], to(f0))
        return {"loss": spectra + bands + 0.3 * tone, "spectra": spectra, "mel": bands, "pitch": tone}

    return losses


def check_of(net: Vocoder, corpora: Corpora, items: Sequence[Item]) -> Callable[[int], dict[str, Any]]:
    """STOI, mel error and pitch error on whole dev utterances, by engine, with the pitch the network itself
    finds.
    """
    from roundelay.train.codec.vocoder_input import revoice

    def check(step: int) -> dict[str, Any]:
        from pystoi import stoi

        net.eval()
        scores: dict[str, list[float]] = {}
        for item in items:
            wave = corpora.wave(item)
            scores.setdefault(item.engine, []).append(float(stoi(wave, revoice(net, wave), 16_000)))
        net.train()
        return {engine: round(float(np.mean(values)), 4) for engine, values in scores.items()}

    return check
