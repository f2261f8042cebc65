"""The tokenizer stage: batches of utterances, their losses, and what is watched while it trains."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from roundelay.train.codec.augment import gained, noise_only, soiled, stretched
from roundelay.train.codec.data import Batches, Corpora, Item
from roundelay.train.codec.tokenizer import LETTERS, QUIET, Prior, Teachable, grouped, with_margins
from roundelay.voice.tokenizer.frontend import BANDS, normal
from roundelay.voice.tokenizer.fsq import LINGUISTIC, SEMANTIC
from roundelay.voice.vocab import VOCAB

GROUP = VOCAB.group_ms // 10  # mel frames
PRIOR_GROUPS = 20  # groups of 120 ms the mel regression sees in a step
SOFT_STEPS = 500  # until then fewer and fewer codes go unrounded
REFERENCE = 240  # frames of the reference the speaker's vector is taken from
SPEAKERS, PHONES = (
    4093,
    509,
)  # classes; names are hashed into them, so that corpora may grow between two calls
BLANKED = len(LETTERS) + 1  # CTC's classes
MARGIN, SHARPNESS = 0.15, 20.0  # of the speaker classes (additive margin softmax)
HEARING = {  # the tokenizer stage: codes shall hold the words
    "hint": 0.5,
    "ctc02": 1.0,
    "ctc06": 0.6,
    "phone02": 0.6,
    "phone06": 0.4,
    "mel": 10.0,
    "speaker": 0.15,
    "spread": 0.2,
}
SPEAKING = {  # the polish stage: and the sound that can be made of them
    "hint": 0.1,
    "ctc02": 0.5,
    "ctc06": 0.3,
    "phone02": 0.3,
    "phone06": 0.2,
    "mel": 30.0,
    "speaker": 0.3,
    "spread": 0.2,
}


def hashed(name: str, size: int) -> int:
    """A class number for a name that never changes."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") % size


def letters_of(text: str) -> list[int]:
    """The classes of a text's letters; anything else is left out."""
    return [LETTERS.index(c) + 1 for c in text if c in LETTERS]


def phones_of(item: Item, steps: int) -> np.ndarray:
    """The phoneme class of each 20 ms step int64 [steps]; -100 where the teacher gave none."""
    classes = np.full(steps, -100, np.int64)
    for symbol, start, end in item.phones:
        name = symbol if item.engine in ("flite", "festival") else f"{item.engine} {symbol}"
        classes[round(start * 50) : round(end * 50)] = hashed(name, PHONES)
    return classes


@dataclass(slots=True)
class Batch:
    """One step's tensors: what is heard, what is to be explained, and the labels."""

    heard: Tensor
    clean: Tensor
    reference: Tensor
    speaker: Tensor
    letters: list[list[int]]
    phones: Tensor
    steps: Tensor


class Feeder:
    """Makes the batch of a step; a pure function of seed and step."""

    def __init__(self, corpora: Corpora, batches: Batches, rows: int) -> None:
        self.corpora, self.batches, self.rows = (
            corpora,
            batches,
            rows,
        )  # rows: regressed, with a reference each
        self.same: dict[str, list[Item]] = {}
        for item in batches.items:
            self.same.setdefault(item.speaker, []).append(item)

    def draw(self, step: int, device: torch.device) -> Batch:
        """Step `step`'s batch."""
        items, rng = self.batches.draw(step)
        items.sort(key=lambda item: not item.clean)  # the first rows are regressed: noise is no target
        longest = -(-max(item.frames for item in items) // GROUP) * GROUP
        heard = np.full((len(items), longest, BANDS), QUIET, np.float32)
        clean = heard.copy()
        reference = np.full((min(self.rows, len(items)), REFERENCE, BANDS), QUIET, np.float32)
        letters, phones = [], np.full((len(items), longest // 2), -100, np.int64)
        for row, item in enumerate(items):
            mel = self.corpora.mel(item)
            spoken, target, text = mel, mel, letters_of(item.text)
            if row == 0 and rng.random() < 0.15:
                spoken = target = noise_only(item.frames, rng)
                text = []
            else:
                phones[row, : item.frames // 2] = phones_of(item, item.frames // 2)
                spoken = stretched(spoken, rng) if rng.random() < 0.25 else spoken
                spoken = soiled(spoken, rng, 0.3 if item.engine == "human" else 0.4)
            heard[row, : item.frames] = normal(gained(spoken, rng))
            clean[row, : item.frames] = normal(target)
            letters.append(text)
            if row < self.rows:
                others = self.same[item.speaker]
                other = others[int(rng.integers(len(others)))]
                reference[row] = refer(self.corpora.mel(other) if rng.random() < 0.5 else target, rng)
        to = lambda array: torch.from_numpy(array).to(device)  # noqa: E731
        speakers = [hashed(item.speaker, SPEAKERS) for item in items[: self.rows]]
        return Batch(
            heard=to(heard),
            clean=to(clean),
            reference=to(reference),
            speaker=torch.tensor(speakers, device=device),
            letters=letters,
            phones=to(phones),
            steps=torch.tensor([item.frames // 2 for item in items], device=device),
        )


def refer(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random stretch float32 [240, 80] of a reference, repeated when it is short, soiled half of
    the time.
    """
    start = int(rng.integers(max(1, len(mel) - REFERENCE)))
    piece = mel[start : start + REFERENCE]
    piece = np.tile(piece, (-(-REFERENCE // len(piece)), 1))[:REFERENCE]
    piece = soiled(piece, rng, 0.3) if rng.random() < 0.5 else piece
    return np.asarray(normal(gained(piece, rng)), np.float32)


def speaker_loss(vector: Tensor, classes: Tensor, speaker: Tensor) -> Tensor:
    """Cross-entropy of the speaker classes with an additive margin."""
    cosine = vector @ functional.normalize(classes, dim=-1).T
    marked = cosine - MARGIN * functional.one_hot(speaker, cosine.shape[1])
    return functional.cross_entropy(SHARPNESS * marked, speaker)


def _ctc(logs: Tensor, batch: Batch) -> Tensor:
    sizes = torch.tensor([len(text) for text in batch.letters])
    fits = (sizes > 0) & (batch.steps.cpu() > sizes + 2)
    rows = fits.nonzero()[:, 0].tolist()
    if not rows:
        return logs.sum() * 0
    flat = torch.tensor([c for row in rows for c in batch.letters[row]], device=logs.device)
    steps = batch.steps.cpu()[rows]
    loss = functional.ctc_loss(
        logs[rows].transpose(0, 1), flat, steps, sizes[rows], reduction="none", zero_infinity=True
    )
    return (loss / sizes[rows].to(loss)).mean()


def _spread(raw: Tensor, mask: Tensor) -> Tensor:
    """How much the digits repeat one another: mean squared correlation off the diagonal."""
    chosen = raw[mask]
    centred = (chosen - chosen.mean(0)) / (chosen.std(0) + 1e-3)
    together = centred.T @ centred / len(chosen)
    return (together - torch.diag(torch.diagonal(together))).pow(2).sum() / together.shape[0]


def step_of(
    model: Teachable, feeder: Feeder, weights: dict[str, float], device: torch.device
) -> Callable[[int], dict[str, Tensor]]:
    """The losses of a step, summed by `weights`."""

    def losses(step: int) -> dict[str, Tensor]:
        batch = feeder.draw(step, device)
        mask = torch.arange(batch.heard.shape[1] // 2, device=device) < (batch.steps.unsqueeze(1) + 5)
        for head in (model.trunk.linguistic, model.trunk.semantic):
            head.soft = max(0.0, 1 - step / SOFT_STEPS)
        linguistic, semantic, _, raw02, raw06, hidden = model.trunk(
            with_margins(batch.heard), None, mask.float(), drop=1
        )
        hint = model.hint(hidden)
        letters, sounds = functional.log_softmax(hint[..., :BLANKED], -1), hint[..., BLANKED:]
        logs02, phones02 = model.reads_linguistic(linguistic)
        logs06, phones06 = model.reads_semantic(semantic)
        vector = model.speaker(batch.reference)
        parts = {
            "hint": _ctc(letters, batch) + 0.5 * _phone(sounds, batch.phones),
            "ctc02": _ctc(logs02, batch),
            "ctc06": _ctc(logs06, batch),
            "phone02": _phone(phones02, batch.phones),
            "phone06": _phone(phones06, batch.phones),
            "mel": _mel(model.prior, grouped(linguistic, semantic)[: feeder.rows], vector, batch, step),
            "speaker": speaker_loss(vector, model.classes, batch.speaker),
            "spread": _spread(raw02, mask[:, ::3]) + _spread(raw06, mask[:, ::2]),
        }
        return {
            "loss": sum((weights[k] * v for k, v in parts.items()), torch.zeros((), device=device)),
            **parts,
        }

    return losses


def _phone(logits: Tensor, phones: Tensor) -> Tensor:
    if not bool((phones >= 0).any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits.transpose(1, 2), phones, ignore_index=-100)


def _mel(prior: Prior, groups: Tensor, vector: Tensor, batch: Batch, step: int) -> Tensor:
    """L1 of the regressed frames over a random stretch; shorter utterances end in the silence they were
    filled with.
    """
    start = step * 7919 % max(1, groups.shape[1] - PRIOR_GROUPS + 1)
    stretch = groups[:, start : start + PRIOR_GROUPS]
    guess, _ = prior(stretch, vector)
    rows, size = stretch.shape[0], stretch.shape[1]
    truth = batch.clean[:rows, start * GROUP : (start + size) * GROUP].reshape(rows, -1, 2 * BANDS)
    late = Prior.AHEAD
    skip = 6 if start else 0
    inside = torch.arange(truth.shape[1], device=truth.device) + start * 6 < batch.steps[:rows].unsqueeze(1) + 6
    error = (guess[:, late + skip :] - truth[:, skip : truth.shape[1] - late]).abs().mean(-1)
    weight = inside[:, skip : truth.shape[1] - late].float()
    return (error * weight).sum() / weight.sum().clamp(min=1)


def greedy(logs_TL: np.ndarray) -> str:
    """The text of letter scores [T, 29]: best class per step, repeats and blanks removed."""
    best = logs_TL.argmax(-1)
    kept = best[np.flatnonzero(np.diff(best, prepend=-1))]
    return "".join(LETTERS[c - 1] for c in kept if c)


def distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Insertions, deletions and substitutions between two sequences."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def check_of(
    model: Teachable, corpora: Corpora, items: Sequence[Item], device: torch.device
) -> Callable[[int], dict[str, Any]]:
    """Letter error by engine on each codebook, share of codes used and perplexity, mel error, on whole
    utterances.
    """

    def check(step: int) -> dict[str, Any]:
        model.eval()
        errors: dict[str, list[int]] = {}
        codes: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        mels = []
        for item in items:
            mel = normal(corpora.mel(item)).astype(np.float32)
            frames = -(-len(mel) // GROUP) * GROUP
            x = torch.from_numpy(np.pad(mel, ((0, frames - len(mel)), (0, 0)), constant_values=QUIET))[None].to(device)
            with torch.no_grad():
                linguistic, semantic, *_ = model.trunk(with_margins(x), drop=1)
                text02 = greedy(model.reads_linguistic(linguistic)[0][0].cpu().numpy())
                text06 = greedy(model.reads_semantic(semantic)[0][0].cpu().numpy())
                guess, _ = model.prior(grouped(linguistic, semantic), model.speaker(x))
            late = Prior.AHEAD
            truth = x.reshape(1, -1, 2 * BANDS)
            mels.append(float((guess[:, late:] - truth[:, :-late]).abs().mean()))
            codes[0].append(LINGUISTIC.codes(linguistic[0].cpu().numpy()))
            codes[1].append(SEMANTIC.codes(semantic[0].cpu().numpy()))
            sums = errors.setdefault(f"{item.engine}-{item.split}", [0, 0, 0])
            for at, add in enumerate((distance(item.text, text02), distance(item.text, text06), len(item.text))):
                sums[at] += add
        model.train()
        result: dict[str, Any] = {k: [round(a / n, 3), round(b / n, 3)] for k, (a, b, n) in errors.items()}
        for book, some in zip((LINGUISTIC, SEMANTIC), codes, strict=True):
            counts = np.bincount(np.concatenate(some), minlength=book.size)
            share = counts[counts > 0] / counts.sum()
            used, drawn = int((counts > 0).sum()), int(counts.sum())
            result[book.name] = [used, drawn, round(float(np.exp(-(share * np.log(share)).sum())), 1)]
        result["mel"] = round(float(np.mean(mels)), 4)
        return result

    return check
