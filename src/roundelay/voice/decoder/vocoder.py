"""Mel frames to samples: filters from the network, pulses and noise from the source, overlap-add with a state.

The network looks two frames ahead and overlap-add completes a sample three frames later: 50 ms in all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from roundelay.voice.decoder.source import pitch_of, pulses
from roundelay.voice.graphs import Graph
from roundelay.voice.tokenizer.frontend import BANDS, HOP, MEMORY, N_FFT, SILENCE, normal, window

AHEAD = 2  # frames the network looks ahead; must equal the trained network's
OVERLAP = MEMORY // HOP  # frames until a sample is complete
MAX_LOG_GAIN = 8.0
SEED = 20_250  # of the noise: the same tokens give the same samples


@dataclass(slots=True)
class SourceState:
    """The source's state: pitch, phase, the last 480 samples of pulses and noise, incomplete sums, the generator."""

    f0: np.ndarray | None = None
    phase: np.ndarray = field(default_factory=lambda: np.zeros(1))
    pulses: np.ndarray = field(default_factory=lambda: np.zeros(MEMORY, np.float32))
    noise: np.ndarray = field(default_factory=lambda: np.zeros(MEMORY, np.float32))
    sums: np.ndarray = field(default_factory=lambda: np.zeros(MEMORY, np.float32))
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))


def filter_source(state: SourceState, gains_TK: np.ndarray, logits_TP: np.ndarray) -> np.ndarray:
    """Samples float32 [160·T], 480 late, from gains [T, 963] and pitch logits [T, 100]."""
    if not len(gains_TK):
        return np.zeros(0, np.float32)
    f0 = pitch_of(logits_TP)[None]
    before = f0[:, 0] if state.f0 is None else state.f0
    train, state.phase = pulses(f0, before, state.phase)
    state.f0 = f0[:, -1]
    hiss = state.rng.standard_normal(train.shape[1], dtype=np.float32)
    pulse_line = np.concatenate([state.pulses, train[0]])
    noise_line = np.concatenate([state.noise, hiss])
    state.pulses, state.noise = pulse_line[-MEMORY:], noise_line[-MEMORY:]
    voiced, turn, quiet = np.split(gains_TK, 3, -1)
    spectra = np.exp(np.minimum(voiced, MAX_LOG_GAIN) + 1j * turn) * _spectra(pulse_line)
    spectra += np.exp(np.minimum(quiet, MAX_LOG_GAIN)) * _spectra(noise_line)
    frames = np.fft.irfft(spectra, N_FFT, axis=-1).astype(np.float32) * (window() / 1.5)
    total = np.zeros(MEMORY + HOP * len(frames), np.float32)
    total[:MEMORY] = state.sums
    for part in range(N_FFT // HOP):
        piece = frames[:, part * HOP : (part + 1) * HOP].reshape(-1)
        total[part * HOP : part * HOP + len(piece)] += piece
    state.sums = total[-MEMORY:]
    return total[:-MEMORY]


def _spectra(line: np.ndarray) -> np.ndarray:
    return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(line, N_FFT)[::HOP] * window(), axis=-1)


def render(gains_TK: np.ndarray, logits_TP: np.ndarray) -> np.ndarray:
    """Samples [160·(T-3)] of a whole signal; the last three frames only complete the ones before."""
    return filter_source(SourceState(), gains_TK, logits_TP)[MEMORY:]


@dataclass(slots=True)
class VocoderState:
    """The state of one stream: the network's two memories, the source's, and what to drop at the start."""

    cache: np.ndarray
    late: np.ndarray
    source: SourceState = field(default_factory=SourceState)
    early_frames: int = AHEAD
    early_samples: int = MEMORY


def opening(network: Graph) -> VocoderState:
    """The state of a new stream."""
    return VocoderState(network.zeros("cache"), network.zeros("late"))


def samples(state: VocoderState, network: Graph, mel_TM: np.ndarray) -> np.ndarray:
    """Samples float32 [n] within [-1, 1] that these log-mel frames complete, 50 ms late."""
    if not len(mel_TM):
        return np.zeros(0, np.float32)
    gains, logits, state.cache, state.late = network(mel=normal(mel_TM)[None], cache=state.cache, late=state.late)
    skip = min(state.early_frames, len(mel_TM))
    state.early_frames -= skip
    wave = filter_source(state.source, gains[0, skip:], logits[0, skip:])
    cut = min(state.early_samples, len(wave))
    state.early_samples -= cut
    return np.clip(wave[cut:], -1.0, 1.0)


def ending() -> np.ndarray:
    """The frames of silence that flush the last samples."""
    return np.full((AHEAD + OVERLAP, BANDS), SILENCE, np.float32)
