"""The tokenizer's networks in training: one causal trunk, two quantised heads, and the networks that train them.

Phones are recognised from each codebook alone (by CTC at 50 Hz, since 16.7 Hz is too slow to emit them; frame by frame
where the TTS teacher gave times), and the mel spectrum is regressed from both with the speaker vector, so that the
semantic codes keep pitch and energy. Sizes and look-ahead are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from roundelay.train.codec.blocks import Stack, cubic, pair, unpair
from roundelay.voice.tokenizer.frontend import BANDS, MEAN, SCALE, SILENCE
from roundelay.voice.tokenizer.fsq import GROUP_VALUES, LEVELS, LINGUISTIC, SEMANTIC, Codebook
from roundelay.voice.tokenizer.phone_recognizer import PHONES

CLASSES = len(PHONES) + 1  # class 0 is a pause, and CTC's blank
QUIET = (SILENCE - MEAN) / SCALE  # silence as the networks' input
LEAD, AHEAD = 4, 8  # mel frames of silence before the first group, and of look-ahead after each: 40 and 80 ms
SPEAKER = 192


@dataclass(frozen=True, slots=True)
class Sizes:
    """Widths and depths; `dilations` of the trunk also count its layers."""

    width: int = 256
    expansion: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4)
    reader_width: int = 160
    reader_dilations: tuple[int, ...] = (1, 2)
    prior_width: int = 256
    prior_dilations: tuple[int, ...] = (1, 2, 4, 1)
    speaker_width: int = 192
    speaker_dilations: tuple[int, ...] = (1, 2, 4, 1)


class Quantiser(nn.Module):
    """Frames [B, T, C] to digit values in {-1, -1/3, 1/3, 1}; digits are normalised, else all codes collapse to one."""

    mean: Tensor
    var: Tensor

    def __init__(self, width: int, book: Codebook, hidden: int) -> None:
        super().__init__()
        self.book = book
        self.down = nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, book.digits))
        self.register_buffer("mean", torch.zeros(book.digits))
        self.register_buffer("var", torch.ones(book.digits))
        self.soft = 0.0  # share of utterances that are not rounded, early in training

    def forward(self, x_BTC: Tensor, weight_BT: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Digit values [B, T, digits] (straight-through) and the normalised values before rounding."""
        raw = self.down(x_BTC)
        mean, var = self.mean, self.var
        if self.training and weight_BT is not None:
            weight = (weight_BT / weight_BT.sum()).unsqueeze(-1)
            mean = (raw * weight).sum((0, 1))
            var = ((raw - mean) ** 2 * weight).sum((0, 1))
            with torch.no_grad():
                self.mean.lerp_(mean, 0.02)
                self.var.lerp_(var, 0.02)
        normal = (raw - mean) / torch.sqrt(var + 1e-8)
        # Close to the normal distribution function, so that all four levels are about equally likely.
        share = torch.sigmoid(1.702 * normal) * LEVELS
        level = torch.clamp(torch.floor(share), 0, LEVELS - 1)
        values = level * (2 / (LEVELS - 1)) - 1
        smooth = (share - 0.5) * (2 / (LEVELS - 1)) - 1
        if not self.training:
            return values, normal
        rounded = (torch.rand(len(values), 1, 1, device=values.device) >= self.soft).to(values)
        return smooth + (rounded * (values - smooth)).detach(), normal


class Trunk(nn.Module):
    """Mel frames to digit values of both codebooks; the exported `tokenizer` graph is this and no more."""

    def __init__(self, s: Sizes) -> None:
        super().__init__()
        self.stem = nn.Linear(2 * BANDS, s.width)
        self.stack = Stack(s.width, s.expansion, s.dilations)
        self.norm = nn.LayerNorm(s.width)
        self.linguistic = Quantiser(3 * s.width, LINGUISTIC, s.width)
        self.semantic = Quantiser(2 * s.width, SEMANTIC, s.width)

    def features(self, mel_BTM: Tensor, cache_BSC: Tensor | None, drop: int) -> tuple[Tensor, Tensor]:
        """The hidden frames [B, T/2 - 6·drop, C] and the cache."""
        hidden, cache = self.stack(self.stem(pair(mel_BTM)), cache_BSC)
        return self.norm(hidden[:, 6 * drop :]), cache

    def forward(
        self, mel_BTM: Tensor, cache_BSC: Tensor | None = None, weight_BT: Tensor | None = None, drop: int = 0
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Linguistic [B, T/6, 5] and semantic [B, T/4, 6] values, the cache, both before rounding, the hidden frames.

        T counts 100 Hz frames, whole groups of twelve; `drop` leading groups are left out; `weight_BT` (50
        Hz) marks audio, not padding, for the statistics.
        """
        hidden, cache = self.features(mel_BTM, cache_BSC, drop)
        weights = (None, None) if weight_BT is None else (weight_BT[:, ::3], weight_BT[:, ::2])
        linguistic, raw02 = self.linguistic(pair(hidden, 3), weights[0])
        semantic, raw06 = self.semantic(pair(hidden, 2), weights[1])
        return linguistic, semantic, cache, raw02, raw06, hidden


class CodebookRecognizer(nn.Module):
    """Codes of one codebook to phones at 50 Hz, by CTC and frame by frame; not causal, since it never streams."""

    def __init__(self, s: Sizes, book: Codebook, times: int) -> None:
        super().__init__()
        self.times = times
        self.embed = nn.Linear(3 * book.digits, times * s.reader_width)
        self.stack = Stack(s.reader_width, 2, s.reader_dilations, causal=False)
        self.heard = nn.Linear(s.reader_width, CLASSES)
        self.timed = nn.Linear(s.reader_width, CLASSES)

    def forward(self, values_BTD: Tensor) -> tuple[Tensor, Tensor]:
        """CTC's log-probabilities and the logits of each step's phone, both [B, 50 Hz, 40]."""
        hidden, _ = self.stack(unpair(self.embed(cubic(values_BTD)), self.times))
        return functional.log_softmax(self.heard(hidden), -1), self.timed(hidden)


class Prior(nn.Module):
    """Codes and a speaker vector to mel frames by regression, 50 Hz steps of two frames, 40 ms look-ahead."""

    AHEAD = 2  # steps of 20 ms

    def __init__(self, s: Sizes) -> None:
        super().__init__()
        self.embed = nn.Linear(3 * GROUP_VALUES, 6 * s.prior_width)
        self.stack = Stack(s.prior_width, 2, s.prior_dilations, condition=SPEAKER)
        self.norm = nn.LayerNorm(s.prior_width)
        self.out = nn.Linear(s.prior_width, 2 * BANDS)

    def forward(self, group_BGV: Tensor, speaker_BC: Tensor, cache_BSC: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Normalised mel steps [B, 6G, 160], `AHEAD` steps late, and the cache; V = 28 digit values per group."""
        hidden, cache = self.stack(unpair(self.embed(cubic(group_BGV)), 6), cache_BSC, speaker_BC * SPEAKER**0.5)
        return self.out(self.norm(hidden)), cache


class Speaker(nn.Module):
    """A reference's mel frames to a unit vector of 192: a small network that pools over time."""

    def __init__(self, s: Sizes) -> None:
        super().__init__()
        self.stem = nn.Linear(2 * BANDS, s.speaker_width)
        self.stack = Stack(s.speaker_width, 3, s.speaker_dilations, causal=False)
        self.norm = nn.LayerNorm(s.speaker_width)
        self.attend = nn.Linear(s.speaker_width, 1)
        self.out = nn.Linear(2 * s.speaker_width, SPEAKER)

    def forward(self, mel_BTM: Tensor) -> Tensor:
        """Vectors [B, 192] of length one from normalised mel [B, T, 80], T even."""
        hidden = self.norm(self.stack(self.stem(pair(mel_BTM)))[0])
        weight = torch.softmax(self.attend(hidden), 1)
        mean = (hidden * weight).sum(1)
        spread = torch.sqrt(((hidden - mean.unsqueeze(1)) ** 2 * weight).sum(1) + 1e-5)
        return functional.normalize(self.out(torch.cat([mean, spread], -1)), dim=-1)


class TokenizerTrainer(nn.Module):
    """All networks of the tokenizer stage: trunk, both recognizers, prior, speaker encoder and classes.

    `hint` recognises phones before the quantisers: through untrained codes CTC emits blanks only, for long.
    """

    def __init__(self, s: Sizes, speakers: int) -> None:
        super().__init__()
        self.trunk = Trunk(s)
        self.hint = nn.Linear(s.width, 2 * CLASSES)
        self.reads_linguistic = CodebookRecognizer(s, LINGUISTIC, 3)
        self.reads_semantic = CodebookRecognizer(s, SEMANTIC, 2)
        self.prior = Prior(s)
        self.speaker = Speaker(s)
        self.classes = nn.Parameter(torch.randn(speakers, SPEAKER) * 0.05)

    def perceive(self, mel_BTM: Tensor) -> tuple[Tensor, Tensor]:
        """The trunk's features [B, T/2, C] and phone logits [B, T/2, 40] of normalised frames [B, T, 80].

        Gradients reach the frames, not the weights: the frames are trained to be recognised, the trunk is fixed.
        """
        trunk = self.trunk
        fixed = {name: p.detach() for name, p in trunk.named_parameters()}
        hidden = torch.func.functional_call(_Features(trunk), {f"trunk.{k}": v for k, v in fixed.items()}, (mel_BTM,))
        logits = functional.linear(hidden, self.hint.weight.detach(), self.hint.bias.detach())
        return hidden, logits[..., CLASSES:]


class _Features(nn.Module):
    """The trunk without its quantisers."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, mel_BTM: Tensor) -> Tensor:
        return self.trunk.features(with_margins(mel_BTM), None, 1)[0]


def grouped(linguistic_BTD: Tensor, semantic_BTD: Tensor) -> Tensor:
    """Digit values by group [B, G, 28]: two linguistic codes, then three semantic ones."""
    return torch.cat([pair(linguistic_BTD, LINGUISTIC.per_group), pair(semantic_BTD, SEMANTIC.per_group)], -1)


def with_margins(mel_BTM: Tensor) -> Tensor:
    """The frames as the trunk takes them: with silence before and after; the first whole group is dropped."""
    return functional.pad(mel_BTM, (0, 0, LEAD, AHEAD), value=QUIET)
