"""The tokenizer stage: losses, curriculum and dev metrics; and the refine stage, which trains it further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from roundelay.console import note
from roundelay.train.checkpoint import load_stage
from roundelay.train.codec.batches import GROUP, UNKNOWN_PHONE, Batch, BatchSampler, labels_of
from roundelay.train.codec.blocks import parameters, unpair
from roundelay.train.codec.data import Corpora, Item
from roundelay.train.codec.inputs import CodecRun, batches, corpora, recognized_dev, untrained_tokenizer
from roundelay.train.codec.recipe import CodecRecipe
from roundelay.train.codec.tokenizer import CLASSES, QUIET, Prior, TokenizerTrainer, grouped, with_margins
from roundelay.train.distributed import rank, ranks
from roundelay.train.loop import Check, StepLoss
from roundelay.train.stage import Stage
from roundelay.voice.eval.metrics.error_rate import distance
from roundelay.voice.tokenizer.frontend import BANDS, normal
from roundelay.voice.tokenizer.fsq import LINGUISTIC, SEMANTIC
from roundelay.voice.tokenizer.phone_recognizer import PHONES, collapse

PRIOR_GROUPS = 20  # groups of 120 ms whose mel is regressed in a step
SOFT_STEPS = 500  # over which the share of unrounded codes falls to zero
MARGIN, SHARPNESS = 0.15, 20.0  # of the speaker classes (additive margin softmax)
LOUD, FAINT = -0.6, 0.3  # normalised mel at half weight's rise, and the weight of silence beside 1
# Of the losses. "people" is CTC on human recordings; "understood" is `perception_loss`.
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


@dataclass(frozen=True, slots=True)
class Curriculum:
    """From which step on the losses count: phones at once, then those through the codes, then the perception loss."""

    codes_from: int
    understood_from: int
    soft_steps: int = SOFT_STEPS


@dataclass(frozen=True, slots=True)
class TokenizerSetup:
    """The networks, their batches, dev utterances and curriculum."""

    model: TokenizerTrainer
    batches: BatchSampler
    corpora: Corpora
    dev: Sequence[Item]
    device: torch.device
    curriculum: Curriculum


def build(run: CodecRun) -> TokenizerSetup:
    """Untrained networks: trunk, recognizers, mel prior and speaker encoder are trained together."""
    table = run.recipe.tokenizer
    curriculum = Curriculum(table["codes_from"], table["understood_from"])
    return _setup(run, "tokenizer", untrained_tokenizer(run), curriculum)


def build_refine(run: CodecRun) -> TokenizerSetup:
    """The tokenizer stage's networks, with all losses from the first step."""
    model = untrained_tokenizer(run)
    load_stage(model, run.out / "tokenizer.pt")
    return _setup(run, "refine", model, Curriculum(0, 0, soft_steps=0))


def _setup(run: CodecRun, stage: str, model: TokenizerTrainer, curriculum: Curriculum) -> TokenizerSetup:
    data = corpora(run)
    note(f"{stage}: " + ", ".join(f"{k} {parameters(m):,}" for k, m in model.named_children()))
    return TokenizerSetup(model, batches(run, data, stage), data, recognized_dev(data), run.device, curriculum)


def speaker_loss(vector: Tensor, classes: Tensor, speaker: Tensor) -> Tensor:
    """Cross-entropy of the speaker classes with an additive margin."""
    cosine = vector @ functional.normalize(classes, dim=-1).T
    marked = cosine - MARGIN * functional.one_hot(speaker, cosine.shape[1])
    return functional.cross_entropy(SHARPNESS * marked, speaker)


def ctc_loss(logs: Tensor, batch: Batch, chosen: Tensor | None = None) -> Tensor:
    """CTC loss a phone, mean over the utterances (of `chosen` rows) with labels and enough frames for them."""
    sizes = torch.tensor([len(label) for label in batch.labels])
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
    """The redundancy of the digits: their mean squared correlation off the diagonal."""
    chosen = raw[mask]
    centred = (chosen - chosen.mean(0)) / (chosen.std(0) + 1e-3)
    together = centred.T @ centred / len(chosen)
    return (together - torch.diag(torch.diagonal(together))).pow(2).sum() / together.shape[0]


def step_loss(setup: TokenizerSetup) -> StepLoss:
    """The losses of a step, summed by `WEIGHTS`."""
    model, device, curriculum = setup.model, setup.device, setup.curriculum
    world, mine = ranks(), rank()

    def losses(step: int) -> Losses:
        batch = setup.batches.draw(step * world + mine, device)
        early = step < curriculum.codes_from
        parts = _phone_losses(model, batch) if early else _all_losses(model, batch, step, curriculum)
        total = sum((WEIGHTS[k] * v for k, v in parts.items()), torch.zeros((), device=device))
        return {"loss": total, **parts}

    return losses


def _phone_losses(model: TokenizerTrainer, batch: Batch) -> Losses:
    """The losses before the codes: phones from the trunk, in a third of a step's time."""
    hidden, _ = model.trunk.features(with_margins(batch.noisy), None, 1)
    return _hint(model, hidden, batch)


def _hint(model: TokenizerTrainer, hidden: Tensor, batch: Batch) -> Losses:
    logits, timed = model.hint(hidden).split(CLASSES, -1)
    untimed = (batch.phones < 0).all(1)  # human recordings: their phones have no times
    return {
        "hint": phone_loss(timed, batch.phones),
        "people": ctc_loss(functional.log_softmax(logits, -1), batch, untimed),
    }


def _all_losses(model: TokenizerTrainer, batch: Batch, step: int, curriculum: Curriculum) -> Losses:
    mask = torch.arange(batch.noisy.shape[1] // 2, device=batch.noisy.device) < (batch.steps.unsqueeze(1) + 5)
    for head in (model.trunk.linguistic, model.trunk.semantic):
        head.soft = (
            max(0.0, 1 - (step - curriculum.codes_from) / curriculum.soft_steps) if curriculum.soft_steps else 0.0
        )
    linguistic, semantic, _, raw02, raw06, hidden = model.trunk(with_margins(batch.noisy), None, mask.float(), drop=1)
    logs02, phones02 = model.reads_linguistic(linguistic)
    logs06, phones06 = model.reads_semantic(semantic)
    vector = model.speaker(batch.reference)
    groups = grouped(linguistic, semantic)[: len(vector)]
    start = step * 7919 % max(1, groups.shape[1] - PRIOR_GROUPS + 1)
    guess = model.prior(groups[:, start : start + PRIOR_GROUPS], vector)[0][:, Prior.AHEAD :]
    parts = _hint(model, hidden, batch) | {
        "ctc02": ctc_loss(logs02, batch),
        "ctc06": ctc_loss(logs06, batch),
        "phone02": phone_loss(phones02, batch.phones),
        "phone06": phone_loss(phones06, batch.phones),
        "mel": _mel_loss(guess, batch, start),
        "speaker": speaker_loss(vector, model.classes, batch.speaker),
        "spread": _spread(raw02, mask[:, ::3]) + _spread(raw06, mask[:, ::2]),
    }
    if step >= curriculum.understood_from:
        parts["understood"] = perception_loss(model, guess, batch, start)
    return parts


def phone_loss(logits: Tensor, phones: Tensor) -> Tensor:
    """Cross-entropy of the steps [B, T] whose phone is known."""
    if not bool((phones >= 0).any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits.transpose(1, 2), phones, ignore_index=UNKNOWN_PHONE)


def loudness_weight(mel: Tensor) -> Tensor:
    """The weight of each normalised mel value: silence counts `FAINT`, loud sound 1."""
    return FAINT + (1 - FAINT) * torch.sigmoid(3 * (mel - LOUD))


def _mel_loss(guess: Tensor, batch: Batch, start: int) -> Tensor:
    """L1 of a stretch of regressed frames, silence weighted down; utterances end in padding of silence."""
    rows, steps = guess.shape[:2]
    skip = 6 if start else 0
    truth = batch.clean[:rows, start * GROUP :][:, : 2 * steps].reshape(rows, steps, 2 * BANDS)[:, skip:]
    inside = torch.arange(skip, steps, device=truth.device) + start * 6 < batch.steps[:rows].unsqueeze(1) + 6
    weight = loudness_weight(truth) * inside.unsqueeze(-1)
    return ((guess[:, skip:] - truth).abs() * weight).sum() / weight.sum().clamp(min=1)


def perception_loss(model: TokenizerTrainer, guess: Tensor, batch: Batch, start: int) -> Tensor:
    """The distance between the trunk's features of regressed and true frames, and the regressed frames' phone loss."""
    rows, steps = guess.shape[:2]
    steps -= steps % 6
    truth = batch.clean[:rows, start * GROUP :][:, : 2 * steps]
    with torch.no_grad():
        wanted, _ = model.perceive(truth)
    hidden, logits = model.perceive(unpair(guess[:, :steps]))
    inside = torch.arange(steps, device=guess.device) + start * 6 < batch.steps[:rows].unsqueeze(1)
    far = ((hidden - wanted).abs().mean(-1) * inside).sum() / inside.sum().clamp(min=1)
    return far + 0.5 * phone_loss(logits, batch.phones[:rows, start * 6 :][:, :steps])


def dev_check(setup: TokenizerSetup) -> Check:
    """Phone error by engine and codebook, [codes used, codes drawn, perplexity], and mel L1, on whole utterances."""
    model, device = setup.model, setup.device

    def check(step: int) -> dict[str, Any]:
        model.eval()
        errors: dict[str, list[int]] = {}
        codes: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        mels = []
        for item in setup.dev:
            mel = normal(setup.corpora.mel(item)).astype(np.float32)
            frames = -(-len(mel) // GROUP) * GROUP
            x = torch.from_numpy(np.pad(mel, ((0, frames - len(mel)), (0, 0)), constant_values=QUIET))[None].to(device)
            with torch.no_grad():
                linguistic, semantic, *_ = model.trunk(with_margins(x), drop=1)
                found02 = collapse(model.reads_linguistic(linguistic)[0][0].argmax(-1).cpu().numpy())
                found06 = collapse(model.reads_semantic(semantic)[0][0].argmax(-1).cpu().numpy())
                guess, _ = model.prior(grouped(linguistic, semantic), model.speaker(x))
            late = Prior.AHEAD
            truth = x.reshape(1, -1, 2 * BANDS)
            mels.append(float((guess[:, late:] - truth[:, :-late]).abs().mean()))
            codes[0].append(LINGUISTIC.codes(linguistic[0].cpu().numpy()))
            codes[1].append(SEMANTIC.codes(semantic[0].cpu().numpy()))
            sums = errors.setdefault(f"{item.engine}-{item.split}", [0, 0, 0])
            spoken = [PHONES[c - 1] for c in labels_of(item)]
            for at, add in enumerate((distance(spoken, found02), distance(spoken, found06), len(spoken))):
                sums[at] += add if spoken else 0
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


TOKENIZER: Stage[CodecRecipe, TokenizerSetup] = Stage("tokenizer", build, step_loss, dev_check)
REFINE: Stage[CodecRecipe, TokenizerSetup] = Stage("refine", build_refine, step_loss, dev_check)
