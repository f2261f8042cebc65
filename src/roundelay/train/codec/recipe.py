"""The codec's recipe: one TOML file per size, identical code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from roundelay.train.recipe import Recipe, from_table, shipped_recipe
from roundelay.train.stage import PLAN_KEYS

T = TypeVar("T")
SIZES = ("tiny", "base")
# keys of a stage's table that are not sizes of its network
TRAINING_KEYS = (
    *PLAN_KEYS, "batch", "groups", "crop_s", "batch_s", "longest_s", "regressed", "stretched", "codes_from",
    "understood_from",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CodecRecipe(Recipe):
    """Mixture weights of the engines, by seconds drawn, and each stage's table as written."""

    shares: dict[str, float]
    decoder_shares: dict[str, float]
    tokenizer: dict[str, Any]
    refine: dict[str, Any]
    recognizer: dict[str, Any]
    prior: dict[str, Any]
    flow: dict[str, Any]
    vocoder: dict[str, Any]


def recipe_of_size(size: str) -> Path:
    """The file of a shipped size."""
    return shipped_recipe(f"codec-{size}.toml")


def network_sizes(kind: type[T], recipe: CodecRecipe, stage: str) -> T:
    """The sizes of a stage's network, from its table."""
    return from_table(kind, recipe.table(stage), f"[{stage}]", ignore=TRAINING_KEYS)
