"""What several stages build alike: the tokenizer to train or to learn from, batches, crops, and dev samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from roundelay.errors import BadInput
from roundelay.train.checkpoint import load_stage
from roundelay.train.codec.batches import SPEAKERS, BatchSampler
from roundelay.train.codec.crops import CodeCrops
from roundelay.train.codec.data import Corpora, Item, ItemSampler, open_corpora, train_weights
from roundelay.train.codec.recipe import CodecRecipe, network_sizes
from roundelay.train.codec.tokenizer import Sizes, TokenizerTrainer
from roundelay.train.stage import Run

CodecRun = Run[CodecRecipe]
DEV_PER_ENGINE = 4  # utterances decoded at every check
DEV_RECOGNIZED_PER_ENGINE = 8  # utterances recognised at every check


def corpora(run: CodecRun) -> Corpora:
    """The corpora of a run, computed or from the cache in `out`; raises `BadInput` where none is named."""
    if not run.corpora:
        raise BadInput(
            "corpus", "none", "was given; build one with `roundelay voice data build` and name it by --corpus"
        )
    return open_corpora(run.corpora, run.out / "cache")


def untrained_tokenizer(run: CodecRun) -> TokenizerTrainer:
    """The tokenizer stage's networks in the recipe's sizes, initialised by its seed."""
    torch.manual_seed(run.recipe.seed)
    return TokenizerTrainer(network_sizes(Sizes, run.recipe, "tokenizer"), SPEAKERS).to(run.device)


def load_teacher(run: CodecRun) -> TokenizerTrainer:
    """The tokenizer's networks from their last checkpoint, with the prior stage's prior if it has run; frozen."""
    model = untrained_tokenizer(run)
    refined = run.out / "refine.pt"
    load_stage(model, refined if refined.is_file() else run.out / "tokenizer.pt")
    if (run.out / "prior.pt").is_file():
        load_stage(model.prior, run.out / "prior.pt")
    return model.eval().requires_grad_(False)


def batches(run: CodecRun, data: Corpora, stage: str) -> BatchSampler:
    """The training batches of a stage that reads whole utterances."""
    table = run.recipe.table(stage)
    items = [i for i in data.items if i.split == "train" and i.frames <= table["longest_s"] * 100]
    weights = train_weights(items, run.recipe.shares)
    sampler = ItemSampler(items, weights, int(table["batch_s"] * 100), run.recipe.seed)
    return BatchSampler(data, sampler, table.get("regressed", 1), table["stretched"])


def recognized_dev(data: Corpora) -> list[Item]:
    """The utterances whose phones are recognised at every check, of dev and test."""
    return samples(data.items, "dev", DEV_RECOGNIZED_PER_ENGINE) + samples(
        data.items, "test", DEV_RECOGNIZED_PER_ENGINE
    )


def crops(run: CodecRun, teacher: TokenizerTrainer, data: Corpora) -> tuple[CodeCrops, CodeCrops]:
    """Crops to train the decoder on, and whole dev utterances for its checks."""
    items = [item for item in data.items if item.split == "train" and item.clean]
    shares, seed = run.recipe.decoder_shares, run.recipe.seed
    dev = CodeCrops(teacher, data, samples(data.items, "dev", DEV_PER_ENGINE), shares, seed)
    return CodeCrops(teacher, data, items, shares, seed), dev


def samples(items: Sequence[Item], split: str, each: int) -> list[Item]:
    """A fixed sample of `each` utterances of a split per engine, between one and six seconds long."""
    chosen: list[Item] = []
    for engine in sorted({item.engine for item in items}):
        fitting = [i for i in items if i.engine == engine and i.split == split and 100 <= i.frames <= 600]
        chosen += fitting[:: max(1, len(fitting) // each)][:each]
    return chosen
