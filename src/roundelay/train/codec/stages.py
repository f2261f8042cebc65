"""The stages of the codec's training, each a function of (recipe, corpora, folder): tokenizer, refine, ears, prior,
flow, vocoder, export.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from roundelay.console import note
from roundelay.errors import BadInput
from roundelay.train.codec import flow, prior_stage, recognizer_stage, vocoder, vocoder_stage
from roundelay.train.codec.blocks import parameters
from roundelay.train.codec.config import Recipe, build
from roundelay.train.codec.data import Batches, Corpora, Item, open_corpora, train_weights
from roundelay.train.codec.tokenizer import Sizes, Teachable
from roundelay.train.codec.tokenizer_stage import SPEAKERS, Course, Feeder, check_of, step_of
from roundelay.train.loop import Plan, Progress, checkpoint, fill, fit

T = TypeVar("T")
PLAN_KEYS = ("steps", "rate", "cooldown")
DEV_READ = 8
DEV_PER_ENGINE = 4  # utterances heard at every check


@dataclass(frozen=True, slots=True)
class Run:
    """What a stage needs: the recipe, where its corpora and its files are, and when to stop."""

    recipe: Recipe
    corpora: tuple[Path, ...]
    out: Path
    weights: Path
    minutes: float | None = None

    @property
    def device(self) -> torch.device:
        """The device the recipe names; raises `BadInput` where it is not at hand."""
        if self.recipe.device.startswith("cuda") and not torch.cuda.is_available():
            raise BadInput("device", self.recipe.device, "is not at hand; use --size tiny, or --device cpu")
        return torch.device(self.recipe.device)

    def data(self) -> Corpora:
        """The corpora, computed or from the cache in `out`."""
        return open_corpora(self.corpora, self.out / "cache")

    def plan(self, table: dict[str, object], **more: object) -> Plan:
        """The stage's plan from its table."""
        keys = {key: table[key] for key in PLAN_KEYS if key in table}
        return Plan(**keys, minutes=self.minutes, **more)  # type: ignore[arg-type]


def some(items: Sequence[Item], split: str, each: int) -> list[Item]:
    """The first `each` utterances of a split by engine, between one and six seconds: a fixed sample
    to watch.
    """
    chosen: list[Item] = []
    for engine in sorted({item.engine for item in items}):
        fitting = [i for i in items if i.engine == engine and i.split == split and 100 <= i.frames <= 600]
        chosen += fitting[:: max(1, len(fitting) // each)][:each]
    return chosen


def teachable(run: Run) -> Teachable:
    """The tokenizer stage's model as the recipe sizes it, not yet trained."""
    torch.manual_seed(run.recipe.seed)
    sizes = _sizes(Sizes, run.recipe.tokenizer, "[tokenizer]")
    return Teachable(sizes, SPEAKERS).to(run.device)


def train_tokenizer(run: Run) -> Progress:
    """Train trunk, readers, mel prior and speaker encoder together: each needs what the others learn."""
    table = run.recipe.tokenizer
    return _teach(run, "tokenizer", teachable(run), table, Course(table["codes_from"], table["understood_from"]))


def refine_tokenizer(run: Run) -> Progress:
    """Go on from where the tokenizer's stage ended, at a fresh rate and with all of its lessons at once."""
    model = teachable(run)
    load(model, run.out / "tokenizer.pt")
    return _teach(run, "refine", model, run.recipe.refine, Course(0, 0, soft_steps=0))


def _teach(run: Run, name: str, model: Teachable, table: dict[str, Any], course: Course) -> Progress:
    data = run.data()
    note(f"{name}: " + ", ".join(f"{k} {parameters(m):,}" for k, m in model.named_children()))
    check = check_of(model, data, _watched(data), run.device)
    step = step_of(model, _feeder(run, data, table), run.device, course)
    return fit(name, model, step, run.plan(table), run.out, check)


def _feeder(run: Run, data: Corpora, table: dict[str, Any]) -> Feeder:
    items = [i for i in data.items if i.split == "train" and i.frames <= table["longest_s"] * 100]
    batches = Batches(items, train_weights(items, run.recipe.shares), int(table["batch_s"] * 100), run.recipe.seed)
    return Feeder(data, batches, table.get("regressed", 1), table["stretched"])


def _watched(data: Corpora) -> list[Item]:
    return some(data.items, "dev", DEV_READ) + some(data.items, "test", DEV_READ)


def untrained_recognizer(run: Run) -> recognizer_stage.JointRecognizer:
    """The reader of both codebooks as the recipe sizes it, not yet trained."""
    torch.manual_seed(run.recipe.seed)
    return recognizer_stage.JointRecognizer(run.recipe.recognizer["width"], run.recipe.recognizer["dilations"]).to(
        run.device
    )


def train_recognizer(run: Run) -> Progress:
    """Train the listener on the codes of the frozen tokenizer."""
    table, data, teacher, net = run.recipe.recognizer, run.data(), taught(run), untrained_recognizer(run)
    note(f"recognizer: {parameters(net):,} parameters")
    check = recognizer_stage.check_of(teacher, net, data, _watched(data))
    step = recognizer_stage.step_of(teacher, net, _feeder(run, data, table), table["jitter"])
    return fit("recognizer", net, step, run.plan(table), run.out, check)


def train_vocoder(run: Run) -> Progress:
    """Train the vocoder; sound is all it needs, so it can run beside every other stage."""
    table, data = run.recipe.vocoder, run.data()
    torch.manual_seed(run.recipe.seed)
    net = vocoder.Vocoder(_sizes(vocoder.Sizes, table, "[vocoder]")).to(run.device)
    note(f"vocoder: {parameters(net):,} parameters")
    items = [item for item in data.items if item.split == "train" and item.clean]
    crops = vocoder_stage.Crops(
        data, items, run.recipe.decoder_shares, int(table["crop_s"] * 100), table["batch"], run.recipe.seed
    )
    check = vocoder_stage.check_of(net, data, some(data.items, "dev", DEV_PER_ENGINE))
    return fit("vocoder", net, vocoder_stage.step_of(net, crops, run.device), run.plan(table), run.out, check)


def taught(run: Run) -> Teachable:
    """The tokenizer's model from its last checkpoint, with the prior's own where it has gone on; frozen."""
    model = teachable(run)
    refined = run.out / "refine.pt"
    load(model, refined if refined.is_file() else run.out / "tokenizer.pt")
    if (run.out / "prior.pt").is_file():
        load(model.prior, run.out / "prior.pt")
    return model.eval().requires_grad_(False)


def load(model: nn.Module, path: Path) -> int:
    """Fill a model from a stage's checkpoint; gives the step. Raises `BadInput` when the stage has
    not run.
    """
    if not path.is_file():
        raise BadInput("checkpoint", path, f"is not there; run --stage {path.stem} first")
    kept = checkpoint(path)
    fill(model, kept["model"], path)
    return int(kept["step"])


def train_prior(run: Run) -> Progress:
    """Train the prior on from where the tokenizer's stage left it, the codes standing still."""
    table, data, teacher = run.recipe.prior, run.data(), taught(run)
    net = prior_stage.only_prior(teacher)
    crops, dev = _crops(run, teacher, data)
    check = prior_stage.check_of(teacher, dev, range(len(dev.items)))
    step = prior_stage.step_of(teacher, crops, table["batch"], table["groups"])
    return fit("prior", net, step, run.plan(table), run.out, check)


def _crops(run: Run, teacher: Teachable, data: Corpora) -> tuple[flow.Crops, flow.Crops]:
    """Crops to train the decoder on, and whole dev utterances to watch."""
    items = [item for item in data.items if item.split == "train" and item.clean]
    shares, seed = run.recipe.decoder_shares, run.recipe.seed
    dev = flow.Crops(teacher, data, some(data.items, "dev", DEV_PER_ENGINE), shares, seed)
    return flow.Crops(teacher, data, items, shares, seed), dev


def train_flow(run: Run) -> Progress:
    """Train the flow on what the frozen prior makes of the frozen tokenizer's codes."""
    table, data = run.recipe.flow, run.data()
    teacher = taught(run)
    torch.manual_seed(run.recipe.seed)
    net = flow.Flow(_sizes(flow.Sizes, table, "[flow]")).to(run.device)
    note(f"flow: {parameters(net):,} parameters")
    crops, dev = _crops(run, teacher, data)
    check = flow.check_of(net, dev, range(len(dev.items)))
    step = flow.step_of(net, crops, table["batch"], table["groups"], run.device)
    return fit("flow", net, step, run.plan(table), run.out, check)


def export(run: Run) -> None:
    """Write the ONNX graphs, the built-in voices and the manifest from the checkpoints there are."""
    from roundelay.train.codec import export as files
    from roundelay.train.codec.speakers import built_in

    recipe = run.recipe
    model, net = taught(run), vocoder.Vocoder(_sizes(vocoder.Sizes, recipe.vocoder, "[vocoder]"))
    velocity = flow.Flow(_sizes(flow.Sizes, recipe.flow, "[flow]"))
    recognizer = untrained_recognizer(run)
    parts: dict[str, nn.Module] = {"flow": velocity, "vocoder": net, "recognizer": recognizer}
    steps = {name: load(part, run.out / f"{name}.pt") for name, part in parts.items()}
    for name in ("tokenizer", "refine", "prior"):
        if (run.out / f"{name}.pt").is_file():
            steps[name] = checkpoint(run.out / f"{name}.pt")["step"]
    graphs = {
        name: files.to_onnx(module, inputs, outputs)
        for name, (module, inputs, outputs) in files.specs(model, recognizer, velocity, net).items()
    }
    about = {"seed": recipe.seed, "steps": steps, "torch": torch.__version__}
    sizes = files.write(run.weights, graphs, built_in(model.cpu().speaker, run.data()), about)
    for name, size in sizes.items():
        note(f"{name}: {size:,} bytes")


def _sizes(kind: type[T], table: dict[str, Any], name: str) -> T:
    return build(
        kind,
        table,
        name,
        ignore=(
            *PLAN_KEYS,
            "batch",
            "groups",
            "crop_s",
            "batch_s",
            "longest_s",
            "regressed",
            "stretched",
            "codes_from",
            "understood_from",
        ),
    )


STAGES: dict[str, Callable[[Run], Progress | None]] = {
    "tokenizer": train_tokenizer,
    "refine": refine_tokenizer,
    "recognizer": train_recognizer,
    "prior": train_prior,
    "flow": train_flow,
    "vocoder": train_vocoder,
    "export": export,
}
