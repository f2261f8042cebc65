"""The verbs of the train room: `roundelay train …`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from roundelay.errors import MissingPackage

RENAMED_STAGES = {"ears": "recognizer"}  # old names of --stage, for one release


@click.group()
def group() -> None:
    """Train the models: the codec here; the language model beside it."""


@group.command()
@click.option("--size", type=click.Choice(["tiny", "base"]), default="tiny", show_default=True, help="Which recipe.")
@click.option("--corpus", "corpora", multiple=True, type=click.Path(path_type=Path), help="A built corpus; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/codec"), show_default=True)
@click.option(
    "--stage",
    default="all",
    show_default=True,
    help="all, or one of tokenizer, refine, recognizer, prior, flow, vocoder, export.",
)
@click.option("--minutes", type=float, help="Stop each stage after so long; the next call resumes it.")
@click.option("--config", type=click.Path(path_type=Path), help="Another recipe than the size's own.")
@click.option("--device", help="Another device than the recipe's: cpu, cuda.")
@click.option("--weights", type=click.Path(path_type=Path), help="Where export writes; default: OUT/weights.")
def codec(
    size: str,
    corpora: tuple[Path, ...],
    out: Path,
    stage: str,
    minutes: float | None,
    config: Path | None,
    device: str | None,
    weights: Path | None,
) -> None:
    """Train tokenizer, decoder and vocoder, and export them to ONNX."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise MissingPackage("torch", "train") from None
    from roundelay.train.codec.recipe import CodecRecipe, recipe_of_size
    from roundelay.train.codec.stages import STAGES
    from roundelay.train.recipe import read_recipe
    from roundelay.train.stage import Run, run_stages

    recipe = read_recipe(CodecRecipe, config or recipe_of_size(size))
    if device:
        recipe = replace(recipe, device=device)
    run_stages(STAGES, RENAMED_STAGES.get(stage, stage), Run(recipe, corpora, out, weights, minutes))


@group.command()
@click.option("--corpus", "corpora", multiple=True, type=click.Path(path_type=Path), help="A built corpus; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/nano"), show_default=True)
@click.option("--stage", default="all", show_default=True, help="all, or one of words, text, pretrain, sft, export.")
@click.option("--minutes", type=float, help="Stop each stage after so long; the next call resumes it.")
@click.option("--config", type=click.Path(path_type=Path), help="Another recipe than configs/train-nano.toml.")
@click.option("--tokenizer", type=click.Path(path_type=Path), help="Codec weights other than the package's.")
@click.option("--weights", type=click.Path(path_type=Path), help="Where export writes; default: OUT/weights.")
def nano(
    corpora: tuple[Path, ...],
    out: Path,
    stage: str,
    minutes: float | None,
    config: Path | None,
    tokenizer: Path | None,
    weights: Path | None,
) -> None:
    """Train the embedded language model, and export it to ONNX; under torchrun, on several processes."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise MissingPackage("torch", "train") from None
    from roundelay.train.lm.stages import STAGES, NanoRecipe
    from roundelay.train.recipe import read_recipe, shipped_recipe
    from roundelay.train.stage import Run, run_stages

    recipe = read_recipe(NanoRecipe, config or shipped_recipe("train-nano.toml"))
    run_stages(STAGES, stage, Run(recipe, corpora, out, weights, minutes, tokenizer))
