"""The stages of training the language model, step-audio.md's section 7 in small: words, text, pretrain, sft, export."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from roundelay.console import note
from roundelay.errors import BadInput
from roundelay.files import replacing, write_text
from roundelay.shape import Shape
from roundelay.train.codec.config import build
from roundelay.train.lm import lexicon
from roundelay.train.lm.corpus import Said, open_corpora
from roundelay.train.lm.examples import hear, speak
from roundelay.train.lm.export import to_onnx
from roundelay.train.lm.model import Learner, batch_of, losses
from roundelay.train.lm.tasks import SOUND_TASKS, Mix
from roundelay.train.loop import Plan, Progress, checkpoint, fill, fit, rank, ranks
from roundelay.voice.engines.nano.vocabulary import VOICES
from roundelay.voice.graphs import PACKAGED

PLANNED = ("text", "pretrain", "sft")
WATCHED = 24  # dev utterances whose loss is taken at every check, by task
LARGEST = 16_000_000  # bytes a weight file may have
FILE = "lm.onnx"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe: seed, device, threads, the shape's preset, shares of the sound by engine, a table for each stage.

    `last` is the share of the last stage's weights in what is exported, beside those it began with.
    """

    seed: int
    device: str
    threads: int
    shape: str
    composed: bool
    last: float
    shares: dict[str, float]
    words: dict[str, int]
    text: dict[str, Any]
    pretrain: dict[str, Any]
    sft: dict[str, Any]


def read(path: Path) -> Recipe:
    """The recipe in a TOML file; raises `BadInput` naming what is missing or unknown."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput("config", path, f"cannot be read ({error})") from None
    return build(Recipe, table, f"config {path.name}")


@dataclass(frozen=True, slots=True)
class Run:
    """What a stage needs: the recipe, the corpora, where files go, the tokenizer's weights, when to stop."""

    recipe: Recipe
    corpora: tuple[Path, ...]
    out: Path
    tokenizer: Path | None = None
    minutes: float | None = None

    def said(self) -> list[Said]:
        """Every utterance of the corpora, as the tokenizer hears it; raises `BadInput` for none."""
        found = open_corpora(self.corpora, self.out / "tokens", self.tokenizer)
        if not found:
            raise BadInput(
                "corpus", "none", "was given; build one with `roundelay voice data build`, name it by --corpus"
            )
        return found

    def learner(self) -> Learner:
        """The model as the recipe sizes it, untrained."""
        torch.manual_seed(self.recipe.seed)
        return Learner(Shape.preset(self.recipe.shape), self.recipe.composed).to(torch.device(self.recipe.device))


def train(run: Run, name: str) -> Progress:
    """Train one stage, from where the stage before it ended; raises `BadInput` where that has not run."""
    table, device = getattr(run.recipe, name), torch.device(run.recipe.device)
    learner = run.learner()
    at = PLANNED.index(name)
    if at:
        before = run.out / f"{PLANNED[at - 1]}.pt"
        if not before.is_file():
            raise BadInput("checkpoint", before, f"is not there; run --stage {PLANNED[at - 1]} first")
        fill(learner, checkpoint(before)["model"], before)
    sound = any(task in SOUND_TASKS for task in table["tasks"])
    said = run.said() if sound else []
    mix = Mix(said, table["tasks"], run.recipe.shares, run.recipe.seed)
    together, mine = ranks(), rank()

    def step(number: int) -> dict[str, Tensor]:
        batches = mix.draw(number * together + mine, table["ids"])
        return losses(learner, [batch_of(examples, device) for examples in batches])

    plan = Plan(table["steps"], table["rate"], cooldown=table["cooldown"], minutes=run.minutes, decay=0.05)
    return fit(name, learner, step, plan, run.out, _check(learner, said, device) if sound else None)


def _check(learner: Learner, said: list[Said], device: torch.device) -> Callable[[int], dict[str, Any]]:
    """Cross-entropy by kind on dev utterances, of hearing and of speaking."""
    dev = [one for one in said if one.split == "dev" and one.groups < 60]
    some = dev[:: max(1, len(dev) // WATCHED)][:WATCHED]
    says = [one for one in dev if one.voice in VOICES and one.phones and one.clean]
    spoken = says[:: max(1, len(says) // WATCHED)][:WATCHED]

    def check(step: int) -> dict[str, Any]:
        learner.eval()
        result: dict[str, Any] = {}
        with torch.no_grad():
            for task, make, rows in (("hear", hear, some), ("speak", speak, spoken)):
                examples = [example for one in rows if (example := make(one)) is not None]
                found = losses(learner, [batch_of([example], device) for example in examples]) if examples else {}
                result |= {f"{task} {k}": round(float(v), 3) for k, v in found.items() if k != "loss"}
        learner.train()
        return result

    return check


def collect_words(run: Run) -> None:
    """Write the words that hearing chooses among to `<out>/words.npz`."""
    run.out.mkdir(parents=True, exist_ok=True)
    data = lexicon.pack(lexicon.build(run.said(), run.recipe.words, run.recipe.seed))
    with replacing(run.out / lexicon.FILE, force=True) as temporary:
        temporary.write_bytes(data)


def export(run: Run, weights: Path) -> dict[str, int]:
    """Write the model as int8 ONNX and the words beside it, with their manifest; the sizes in bytes.

    Its weights are the mean of the last stage's and of those which that stage began with: it hears and speaks better
    than either (ours; docs/log.md). The manifest names the tokenizer whose codes it learnt. Raises `BadInput` where a
    stage has not run.
    """
    done = [name for name in PLANNED if (run.out / f"{name}.pt").is_file()]
    if not done:
        raise BadInput("checkpoint", run.out, "holds none; run --stage text first")
    kept = {name: checkpoint(run.out / f"{name}.pt") for name in done}
    learner = run.learner().cpu()
    meant = [name for name in ("pretrain", "sft") if name in done] or done
    for name in meant:
        fill(learner, kept[name]["model"], run.out / f"{name}.pt")  # its shape is checked before a mean is taken
    learner.load_state_dict(_mean([kept[name]["model"] for name in meant], run.recipe.last))
    if not (run.out / lexicon.FILE).is_file():
        raise BadInput("words", run.out / lexicon.FILE, "is not there; run --stage words first")
    files = {FILE: to_onnx(learner.plain(), "int8"), lexicon.FILE: (run.out / lexicon.FILE).read_bytes()}
    sizes = {name: len(data) for name, data in files.items()}
    if max(sizes.values()) >= LARGEST:
        raise ValueError(f"{sizes} bytes; a weight file must stay under {LARGEST:,}")
    tokenizer = (run.tokenizer or PACKAGED) / "tokenizer.onnx"
    weights.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        with replacing(weights / name, force=True) as temporary:
            temporary.write_bytes(data)
    table = {
        "format": 1,
        "licence": "CC-BY-SA-4.0",
        "seed": run.recipe.seed,
        "steps": {name: int(state["step"]) for name, state in kept.items()},
        "tokenizer": hashlib.sha256(tokenizer.read_bytes()).hexdigest(),
        "torch": torch.__version__,
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
    }
    write_text(weights / "manifest.json", json.dumps(table, indent=1) + "\n", force=True)
    for name, size in sizes.items():
        note(f"{name}: {size:,} bytes")
    return sizes


def _mean(weights: list[dict[str, Tensor]], last: float) -> dict[str, Tensor]:
    """`last` of the last one's weights, and the rest of the first one's."""
    first, second = weights[0], weights[-1]
    return {name: torch.lerp(first[name], value, last) for name, value in second.items()}


STAGES = ("words", *PLANNED, "export")
