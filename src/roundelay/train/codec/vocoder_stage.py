"""The vocoder stage: crops of real mel frames to real samples. It needs audio only, no tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roundelay.console import note
from roundelay.train.codec.blocks import parameters
from roundelay.train.codec.data import Corpora, Item, train_weights
from roundelay.train.codec.inputs import DEV_PER_ENGINE, CodecRun, corpora, samples
from roundelay.train.codec.pitch import fill_gaps, track_pitch
from roundelay.train.codec.recipe import CodecRecipe, network_sizes
from roundelay.train.codec.vocoder import AHEAD, Sizes, Vocoder, pitch_loss, spectral_loss, synthesise
from roundelay.train.loop import Check, StepLoss
from roundelay.train.stage import Stage
from roundelay.voice.decoder.source import pulses
from roundelay.voice.decoder.vocoder import render
from roundelay.voice.tokenizer.frontend import HOP, MEMORY, SILENCE, log_mel, normal

WARM_FRAMES = 20  # not counted in the loss: the convolutions' memory is still filling
INPUT_NOISE = 0.06  # standard deviation of the noise on normalised mel, so that predicted frames do not surprise


class WaveCrops:
    """Crops of mel frames, samples and pitch; tracks are computed once per utterance and cached."""

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
        """Mel [B, T+2, 80], samples [B, 160·T] and pitch [B, T] (0 = unvoiced) of a step, and the step's generator."""
        rng = np.random.default_rng([self.seed, step])
        mels, waves, pitches = [], [], []
        for at in rng.choice(len(self.items), self.count, p=self.weights):
            item = self.items[at]
            if at not in self.tracks:
                self.tracks[at] = track_pitch(self.corpora.wave(item))
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


@dataclass(frozen=True, slots=True)
class VocoderSetup:
    """The vocoder, its training crops and dev utterances."""

    model: Vocoder
    crops: WaveCrops
    corpora: Corpora
    dev: Sequence[Item]
    device: torch.device


def untrained_vocoder(run: CodecRun) -> Vocoder:
    """The vocoder in the recipe's sizes."""
    return Vocoder(network_sizes(Sizes, run.recipe, "vocoder"))


def build(run: CodecRun) -> VocoderSetup:
    """The vocoder on clean utterances; it depends on no other stage and can be trained beside them."""
    table, data, recipe = run.recipe.vocoder, corpora(run), run.recipe
    torch.manual_seed(recipe.seed)
    model = untrained_vocoder(run).to(run.device)
    note(f"vocoder: {parameters(model):,} parameters")
    items = [item for item in data.items if item.split == "train" and item.clean]
    crops = WaveCrops(data, items, recipe.decoder_shares, int(table["crop_s"] * 100), table["batch"], recipe.seed)
    return VocoderSetup(model, crops, data, samples(data.items, "dev", DEV_PER_ENGINE), run.device)


def step_loss(setup: VocoderSetup) -> StepLoss:
    """The loss of a step: spectra, mel, pitch."""
    net, crops = setup.model, setup.crops

    def losses(step: int) -> dict[str, Tensor]:
        mel, wave, f0, rng = crops.draw(step)
        mel += rng.normal(0, INPUT_NOISE * rng.random((len(mel), 1, 1)), mel.shape).astype(np.float32)
        glide = np.stack([fill_gaps(row) for row in f0])
        train, _ = pulses(glide, glide[:, 0], rng.uniform(0, 2 * np.pi, len(glide)))
        noise = rng.standard_normal((len(glide), MEMORY + wave.shape[1]), dtype=np.float32)
        to = lambda array: torch.from_numpy(array).to(setup.device)  # noqa: E731
        gains, pitch, _, _ = net(to(mel))
        sound = synthesise(gains[:, AHEAD:], to(np.pad(train, ((0, 0), (MEMORY, 0)))), to(noise))
        first, last = WARM_FRAMES * HOP, wave.shape[1] - MEMORY
        spectra, bands = spectral_loss(sound[:, MEMORY + first : MEMORY + last], to(wave[:, first:last]))
        tone = pitch_loss(pitch[:, AHEAD:], to(f0))
        return {"loss": spectra + bands + 0.3 * tone, "spectra": spectra, "mel": bands, "pitch": tone}

    return losses


def revoice(net: Vocoder, wave: np.ndarray) -> np.ndarray:
    """Samples [N] of a signal's own mel frames through the vocoder, as the exported decoder runs it."""
    frames = log_mel(wave)
    padded = np.concatenate([frames, np.full((AHEAD + 3, frames.shape[1]), SILENCE, np.float32)])
    with torch.no_grad():
        gains, pitch, _, _ = net(torch.from_numpy(normal(padded).astype(np.float32))[None])
    return render(gains[0, AHEAD:].numpy(), pitch[0, AHEAD:].numpy())[: len(wave)]


def dev_check(setup: VocoderSetup) -> Check:
    """STOI on whole dev utterances, by engine, with the pitch that the network predicts."""
    net = setup.model

    def check(step: int) -> dict[str, Any]:
        from pystoi import stoi

        net.eval()
        scores: dict[str, list[float]] = {}
        for item in setup.dev:
            wave = setup.corpora.wave(item)
            scores.setdefault(item.engine, []).append(float(stoi(wave, revoice(net, wave), 16_000)))
        net.train()
        return {engine: round(float(np.mean(values)), 4) for engine, values in scores.items()}

    return check


VOCODER: Stage[CodecRecipe, VocoderSetup] = Stage("vocoder", build, step_loss, dev_check)
