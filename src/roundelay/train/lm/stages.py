"""The stages of training the language model: words, text, pretrain, sft, export (Step-Audio's training, arXiv
2502.11946, on a small scale).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from roundelay.console import note
from roundelay.errors import BadInput
from roundelay.files import replacing, write_text
from roundelay.shape import Shape
from roundelay.train.checkpoint import load_stage, load_state, read_checkpoint
from roundelay.train.distributed import rank, ranks
from roundelay.train.lm import lexicon
from roundelay.train.lm.corpus import TokenizedUtterance, open_corpora
from roundelay.train.lm.examples import recognition, synthesis
from roundelay.train.lm.export import to_onnx
from roundelay.train.lm.model import Learner, batch_of, losses
from roundelay.train.lm.tasks import SOUND_TASKS, Mix
from roundelay.train.loop import Check, StepLoss
from roundelay.train.recipe import Recipe
from roundelay.train.stage import Action, Run, Stage
from roundelay.voice.engines.nano.vocabulary import VOICES
from roundelay.voice.graphs import PACKAGED

PLANNED = ("text", "pretrain", "sft")
DEV_PER_TASK = 24  # dev utterances whose loss is computed at every check
MAX_DEV_GROUPS = 60  # of 120 ms, of such an utterance
MAX_WEIGHT_BYTES = 16_000_000  # of one file
FILE = "lm.onnx"


@dataclass(frozen=True, slots=True)
class NanoRecipe(Recipe):
    """The shape's preset, mixture weights of the audio by engine, and a table for each stage.

    `last` is the weight of the last stage in the average of weights that is exported, beside the stage before it.
    """

    shape: str
    composed: bool
    last: float
    shares: dict[str, float]
    words: dict[str, int]
    text: dict[str, Any]
    pretrain: dict[str, Any]
    sft: dict[str, Any]
    weight_decay: ClassVar[float] = 0.05


NanoRun = Run[NanoRecipe]


@dataclass(frozen=True, slots=True)
class LearnerSetup:
    """The language model, the mixture of tasks it is trained on, ids in a step, and dev utterances."""

    model: Learner
    mix: Mix
    ids: int
    device: torch.device
    utterances: list[TokenizedUtterance]


def utterances(run: NanoRun) -> list[TokenizedUtterance]:
    """Every utterance of the corpora, tokenized; raises `BadInput` for none."""
    found = open_corpora(run.corpora, run.out / "tokens", run.tokenizer)
    if not found:
        raise BadInput("corpus", "none", "was given; build one with `roundelay voice data build`, name it by --corpus")
    return found


def untrained_learner(run: NanoRun) -> Learner:
    """The model in the recipe's shape, initialised by its seed."""
    torch.manual_seed(run.recipe.seed)
    return Learner(Shape.preset(run.recipe.shape), run.recipe.composed).to(run.device)


def build(name: str, run: NanoRun) -> LearnerSetup:
    """The model as the stage before `name` left it; raises `BadInput` where that has not run."""
    table, learner = run.recipe.table(name), untrained_learner(run)
    before = PLANNED.index(name) - 1
    if before >= 0:
        load_stage(learner, run.out / f"{PLANNED[before]}.pt")
    found = utterances(run) if any(task in SOUND_TASKS for task in table["tasks"]) else []
    return LearnerSetup(
        learner, Mix(found, table["tasks"], run.recipe.shares, run.recipe.seed), table["ids"], run.device, found
    )


def step_loss(setup: LearnerSetup) -> StepLoss:
    """The losses of a step's examples."""
    world, mine = ranks(), rank()

    def step(number: int) -> dict[str, Tensor]:
        batches = setup.mix.draw(number * world + mine, setup.ids)
        return losses(setup.model, [batch_of(examples, setup.device) for examples in batches])

    return step


def dev_check(setup: LearnerSetup) -> Check | None:
    """Cross-entropy by kind of target on dev utterances, of recognition and synthesis; None without audio tasks."""
    if not setup.utterances:
        return None
    learner, device = setup.model, setup.device
    dev = [one for one in setup.utterances if one.split == "dev" and one.groups < MAX_DEV_GROUPS]
    heard = dev[:: max(1, len(dev) // DEV_PER_TASK)][:DEV_PER_TASK]
    clean = [one for one in dev if one.voice in VOICES and one.phones and one.clean]
    spoken = clean[:: max(1, len(clean) // DEV_PER_TASK)][:DEV_PER_TASK]

    def check(step: int) -> dict[str, Any]:
        learner.eval()
        result: dict[str, Any] = {}
        with torch.no_grad():
            for task, make, rows in (("hear", recognition, heard), ("speak", synthesis, spoken)):
                examples = [example for one in rows if (example := make(one)) is not None]
                found = losses(learner, [batch_of([example], device) for example in examples]) if examples else {}
                result |= {f"{task} {k}": round(float(v), 3) for k, v in found.items() if k != "loss"}
        learner.train()
        return result

    return check


def write_lexicon(run: NanoRun) -> None:
    """Write the recognizer's lexicon to `<out>/words.npz`."""
    run.out.mkdir(parents=True, exist_ok=True)
    data = lexicon.pack(lexicon.build(utterances(run), run.recipe.words, run.recipe.seed))
    with replacing(run.out / lexicon.FILE, force=True) as temporary:
        temporary.write_bytes(data)


def export(run: NanoRun) -> dict[str, int]:
    """Write the model as int8 ONNX, the lexicon and their manifest; returns the sizes in bytes.

    The weights are the average of the last stage's and of those that stage began with: it recognises and synthesises
    better than either (ours; docs/log.md). The manifest names the tokenizer whose codes it learnt. Raises `BadInput`
    where a stage has not run.
    """
    weights = run.export_folder
    done = [name for name in PLANNED if (run.out / f"{name}.pt").is_file()]
    if not done:
        raise BadInput("checkpoint", run.out, "holds none; run --stage text first")
    kept = {name: read_checkpoint(run.out / f"{name}.pt") for name in done}
    learner = untrained_learner(run).cpu()
    meant = [name for name in ("pretrain", "sft") if name in done] or done
    for name in meant:
        load_state(learner, kept[name]["model"], run.out / f"{name}.pt")  # checks the shape before averaging
    learner.load_state_dict(average_weights([kept[name]["model"] for name in meant], run.recipe.last))
    if not (run.out / lexicon.FILE).is_file():
        raise BadInput("words", run.out / lexicon.FILE, "is not there; run --stage words first")
    files = {FILE: to_onnx(learner.plain(), "int8"), lexicon.FILE: (run.out / lexicon.FILE).read_bytes()}
    sizes = {name: len(data) for name, data in files.items()}
    if max(sizes.values()) >= MAX_WEIGHT_BYTES:
        raise ValueError(f"{sizes} bytes; a weight file must stay under {MAX_WEIGHT_BYTES:,}")
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


def average_weights(weights: list[dict[str, Tensor]], last: float) -> dict[str, Tensor]:
    """The average of the first and the last weights, the last with weight `last`."""
    first, second = weights[0], weights[-1]
    return {name: torch.lerp(first[name], value, last) for name, value in second.items()}


STAGES: tuple[Stage[NanoRecipe, LearnerSetup] | Action[NanoRecipe], ...] = (
    Action("words", write_lexicon),
    *(Stage(name, partial(build, name), step_loss, dev_check) for name in PLANNED),
    Action("export", export),
)
