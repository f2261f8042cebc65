"""The verbs of the train room: `roundelay train …`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from roundelay.console import note
from roundelay.errors import BadInput, MissingPackage

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
        import torch
    except ImportError:
        raise MissingPackage("torch", "train") from None
    from roundelay.train.codec.config import find, read
    from roundelay.train.codec.stages import STAGES, Run

    recipe = read(config or find(size))
    if device:
        recipe = replace(recipe, device=device)
    stage = RENAMED_STAGES.get(stage, stage)
    if stage != "all" and stage not in STAGES:
        raise BadInput("stage", stage, f"is unknown; known: all, {', '.join(STAGES)}")
    if not corpora:
        raise BadInput(
            "corpus", "none", "was given; build one with `roundelay voice data build` and name it by --corpus"
        )
    torch.set_num_threads(recipe.threads)
    run = Run(recipe, corpora, out, weights or out / "weights", minutes)
    for name, train in STAGES.items():
        if stage in ("all", name):
            progress = train(run)
            if progress is not None:
                note(f"{name}: {progress.done} of {progress.steps} steps" + (", done" if progress.finished else ""))
                if not progress.finished:
                    break


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
        import torch
    except ImportError:
        raise MissingPackage("torch", "train") from None
    from roundelay.train.codec.config import located
    from roundelay.train.lm.stages import STAGES, Run, collect_words, export, read, train
    from roundelay.train.loop import rank

    if stage not in ("all", *STAGES):
        raise BadInput("stage", stage, f"is unknown; known: all, {', '.join(STAGES)}")
    recipe = read(config or located("train-nano.toml"))
    torch.set_num_threads(recipe.threads)
    run = Run(recipe, corpora, out, tokenizer, minutes)
    for name in STAGES if stage == "all" else (stage,):
        if name in ("words", "export"):
            if rank() == 0:
                collect_words(run) if name == "words" else export(run, weights or out / "weights")
            continue
        progress = train(run, name)
        note(f"{name}: {progress.done} of {progress.steps} steps" + (", done" if progress.finished else ""))
        if not progress.finished:
            break
