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
from roundelay.train.codec.blocks import unpair
from roundelay.train.codec.data import Batches, Corpora, Item
from roundelay.train.codec.tokenizer import CLASSES, QUIET, Prior, Teachable, grouped, with_margins
from roundelay.train.loop import rank, ranks
from roundelay.voice.data.phones import plain
from roundelay.voice.eval.metrics.error_rate import distance
from roundelay.voice.text.pronunciations import pronounce
from roundelay.voice.tokenizer.frontend import BANDS, normal
from roundelay.voice.tokenizer.fsq import LINGUISTIC, SEMANTIC
from roundelay.voice.tokenizer.phone_recognizer import PHONES, collapse
from roundelay.voice.vocab import VOCAB

GROUP = VOCAB.group_ms // 10  # mel frames
PRIOR_GROUPS = 20  # groups of 120 ms the mel regression sees in a step
SOFT_STEPS = 500  # so long fewer and fewer codes go unrounded
REFERENCE = 240  # frames of the reference the speaker's vector is taken from
SPEAKERS = 4093  # classes; names are hashed into them, so that corpora may grow between two calls
MARGIN, SHARPNESS = 0.15, 20.0  # of the speaker classes (additive margin softmax)
UNHEARD = -100  # the class of a step whose phone nobody knows
LOUD, FAINT = -0.6, 0.3  # normalised mel where sound begins to count, and how much silence counts beside it
WEIGHTS = {
    "hint": 1.0,
    "people": 0.3,
    "ctc02": 0.2,
    "ctc06": 0.15,
    "phone02": 0.8,
    "phone06": 0.6,
    "mel": 10.0,
    "understood": 1.0,
    "speaker": 0.15,
    "spread": 0.2,
}


Losses = dict[str, Tensor]


def hashed(name: str, size: int) -> int:
    """A class number for a name that never changes."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") % size


def labels_of(item: Item) -> list[int]:
    """The classes of the phones an utterance holds, by its teacher or by the lexicon; empty where neither knows."""
    by_teacher = [plain(symbol) for symbol, _, _ in item.phones]
    spoken = by_teacher or list(pronounce(item.text) or [])
    return [PHONES.index(phone) + 1 for phone in spoken if phone]


def phones_of(item: Item, steps: int) -> np.ndarray:
    """The class of each 20 ms step int64 [steps]; `UNHEARD` where the teacher gave none."""
    classes = np.full(steps, UNHEARD, np.int64)
    for symbol, start, end in item.phones:
        phone = plain(symbol)
        classes[round(start * 50) : round(end * 50)] = PHONES.index(phone) + 1 if phone else 0
    return classes


@dataclass(slots=True)
class Batch:
    """One step's tensors: what is heard, what is to be explained, and the labels."""

    heard: Tensor
    clean: Tensor
    reference: Tensor
    speaker: Tensor
    labels: list[list[int]]
    phones: Tensor
    steps: Tensor


class Feeder:
    """Makes the batch of a step; a pure function of seed and step."""

    def __init__(self, corpora: Corpora, batches: Batches, rows: int, stretch: float) -> None:
        self.corpora, self.batches = corpora, batches
        self.rows, self.stretch = rows, stretch  # rows regressed, with a reference each; share of them all stretched
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
        labels, phones = [], np.full((len(items), longest // 2), UNHEARD, np.int64)
        for row, item in enumerate(items):
            mel = self.corpora.mel(item)
            spoken, target, said = mel, mel, labels_of(item)
            if row == 0 and rng.random() < 0.15:
                spoken = target = noise_only(item.frames, rng)
                said, phones[row, : item.frames // 2] = [], 0
            else:
                phones[row, : item.frames // 2] = phones_of(item, item.frames // 2)
                spoken = stretched(spoken, rng) if rng.random() < self.stretch else spoken
                spoken = soiled(spoken, rng, 0.3 if item.engine == "human" else 0.4)
            heard[row, : item.frames] = normal(gained(spoken, rng))
            clean[row, : item.frames] = normal(target)
            labels.append(said)
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
            labels=labels,
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


def ctc(logs: Tensor, batch: Batch, chosen: Tensor | None = None) -> Tensor:
    """CTC's loss by phone, mean over the utterances (of `chosen` rows) that have labels and time enough for them."""
    sizes = torch.tensor([len(said) for said in batch.labels])
    fits = (sizes > 0) & (batch.steps.cpu() > sizes + 2)
    if chosen is not None:
        fits &= chosen.cpu()
    rows = fits.nonzero()[:, 0].tolist()
    if not rows:
        return logs.sum() * 0
    flat = torch.tensor([c for row in rows for c in batch.labels[row]], device=logs.device)
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


@dataclass(frozen=True, slots=True)
class Course:
    """What is taught from which step on: phones at once, then the codes and their sound, then that it be understood."""

    codes_from: int
    understood_from: int
    soft_steps: int = SOFT_STEPS


def step_of(model: Teachable, feeder: Feeder, device: torch.device, course: Course) -> Callable[[int], Losses]:
    """The losses of a step, summed by `WEIGHTS`."""

    together, mine = ranks(), rank()

    def losses(step: int) -> Losses:
        batch = feeder.draw(step * together + mine, device)
        parts = _hearing(model, batch) if step < course.codes_from else _everything(model, batch, step, course)
        total = sum((WEIGHTS[k] * v for k, v in parts.items()), torch.zeros((), device=device))
        return {"loss": total, **parts}

    return losses


def _hearing(model: Teachable, batch: Batch) -> Losses:
    """Phones before there are codes: in a third of a step's time, the trunk learns what all else needs."""
    hidden, _ = model.trunk.features(with_margins(batch.heard), None, 1)
    return _hint(model, hidden, batch)


def _hint(model: Teachable, hidden: Tensor, batch: Batch) -> Losses:
    heard, timed = model.hint(hidden).split(CLASSES, -1)
    untimed = (batch.phones < 0).all(1)  # people: nobody knows when their phones begin
    return {
        "hint": phone_loss(timed, batch.phones),
        "people": ctc(functional.log_softmax(heard, -1), batch, untimed),
    }


def _everything(model: Teachable, batch: Batch, step: int, course: Course) -> Losses:
    mask = torch.arange(batch.heard.shape[1] // 2, device=batch.heard.device) < (batch.steps.unsqueeze(1) + 5)
    for head in (model.trunk.linguistic, model.trunk.semantic):
        head.soft = max(0.0, 1 - (step - course.codes_from) / course.soft_steps) if course.soft_steps else 0.0
    linguistic, semantic, _, raw02, raw06, hidden = model.trunk(with_margins(batch.heard), None, mask.float(), drop=1)
    logs02, phones02 = model.reads_linguistic(linguistic)
    logs06, phones06 = model.reads_semantic(semantic)
    vector = model.speaker(batch.reference)
    groups = grouped(linguistic, semantic)[: len(vector)]
    start = step * 7919 % max(1, groups.shape[1] - PRIOR_GROUPS + 1)
    guess = model.prior(groups[:, start : start + PRIOR_GROUPS], vector)[0][:, Prior.AHEAD :]
    parts = _hint(model, hidden, batch) | {
        "ctc02": ctc(logs02, batch),
        "ctc06": ctc(logs06, batch),
        "phone02": phone_loss(phones02, batch.phones),
        "phone06": phone_loss(phones06, batch.phones),
        "mel": _mel(guess, batch, start),
        "speaker": speaker_loss(vector, model.classes, batch.speaker),
        "spread": _spread(raw02, mask[:, ::3]) + _spread(raw06, mask[:, ::2]),
    }
    if step >= course.understood_from:
        parts["understood"] = _understood(model, guess, batch, start)
    return parts


def phone_loss(logits: Tensor, phones: Tensor) -> Tensor:
    """Cross-entropy of the steps [B, T] whose phone is known."""
    if not bool((phones >= 0).any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits.transpose(1, 2), phones, ignore_index=UNHEARD)


def _mel(guess: Tensor, batch: Batch, start: int) -> Tensor:
    """L1 of the regressed frames of a stretch, silence counting less; utterances end in the silence they were filled
    with.
    """
    rows, steps = guess.shape[:2]
    skip = 6 if start else 0
    truth = batch.clean[:rows, start * GROUP :][:, : 2 * steps].reshape(rows, steps, 2 * BANDS)[:, skip:]
    inside = torch.arange(skip, steps, device=truth.device) + start * 6 < batch.steps[:rows].unsqueeze(1) + 6
    weight = (FAINT + (1 - FAINT) * torch.sigmoid(3 * (truth - LOUD))) * inside.unsqueeze(-1)
    return ((guess[:, skip:] - truth).abs() * weight).sum() / weight.sum().clamp(min=1)


def _understood(model: Teachable, guess: Tensor, batch: Batch, start: int) -> Tensor:
    """How differently the trunk hears regressed and true frames, and the phones it misses in the regressed ones."""
    rows, steps = guess.shape[:2]
    steps -= steps % 6
    truth = batch.clean[:rows, start * GROUP :][:, : 2 * steps]
    with torch.no_grad():
        wanted, _ = model.understood(truth)
    hidden, logits = model.understood(unpair(guess[:, :steps]))
    inside = torch.arange(steps, device=guess.device) + start * 6 < batch.steps[:rows].unsqueeze(1)
    far = ((hidden - wanted).abs().mean(-1) * inside).sum() / inside.sum().clamp(min=1)
    return far + 0.5 * phone_loss(logits, batch.phones[:rows, start * 6 :][:, :steps])


def check_of(
    model: Teachable, corpora: Corpora, items: Sequence[Item], device: torch.device
) -> Callable[[int], dict[str, Any]]:
    """Phone error by engine on each codebook, share of codes used and perplexity, mel error, on whole
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
                read02 = collapse(model.reads_linguistic(linguistic)[0][0].argmax(-1).cpu().numpy())
                read06 = collapse(model.reads_semantic(semantic)[0][0].argmax(-1).cpu().numpy())
                guess, _ = model.prior(grouped(linguistic, semantic), model.speaker(x))
            late = Prior.AHEAD
            truth = x.reshape(1, -1, 2 * BANDS)
            mels.append(float((guess[:, late:] - truth[:, :-late]).abs().mean()))
            codes[0].append(LINGUISTIC.codes(linguistic[0].cpu().numpy()))
            codes[1].append(SEMANTIC.codes(semantic[0].cpu().numpy()))
            sums = errors.setdefault(f"{item.engine}-{item.split}", [0, 0, 0])
            said = [PHONES[c - 1] for c in labels_of(item)]
            for at, add in enumerate((distance(said, read02), distance(said, read06), len(said))):
                sums[at] += add if said else 0
        model.train()
        result: dict[str, Any] = {k: [round(a / n, 3), round(b / n, 3)] for k, (a, b, n) in errors.items() if n}
        for book, some in zip((LINGUISTIC, SEMANTIC), codes, strict=True):
            counts = np.bincount(np.concatenate(some), minlength=book.size)
            share = counts[counts > 0] / counts.sum()
            used, drawn = int((counts > 0).sum()), int(counts.sum())
            result[book.name] = [used, drawn, round(float(np.exp(-(share * np.log(share)).sum())), 1)]
        result["mel"] = round(float(np.mean(mels)), 4)
        return result

    return check
