"""MFU on InfinitePOD and DGX, 1k to 131k GPUs: python results/mfu/run.py

For two models, at a fixed and at a scaled batch, with and without context parallelism: the best configuration of each fabric,
found exactly. Writes numbers.csv, mfu.svg and the tables of README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.figure import Figure

from roundelay.errors import BadInput
from roundelay.fabric.job.hardware import Links
from roundelay.fabric.pages import pictures
from roundelay.fabric.specs import architectures
from roundelay.fabric.steptime.search import search
from roundelay.fabric.steptime.steptime import StepTime
from roundelay.files import replace_table, write_csv

HERE = Path(__file__).parent
GPUS = [1024 * 2**i for i in range(8)]
HEADLINE = 3.37
MODELS = {"llama3-405b": 8192, "gpt-moe-1.1t": 2048}
INFINITEPOD = architectures.links("infinitepod-k3")
FABRICS: dict[str, Links] = {
    "infinitepod-k3": INFINITEPOD,
    "dgx": architectures.links("dgx"),
    "dgx, links as fast": replace(architectures.links("dgx"), hbd_gbps=INFINITEPOD.hbd_gbps),
    "nvl-72": architectures.links("nvl-72"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One curve: a model, a batch that is fixed or grows with the GPUs, and whether the sequence may be cut."""

    model: str
    scaled: bool
    context: bool

    @property
    def title(self) -> str:
        batch = "batch 2 a GPU" if self.scaled else "batch 2,048"
        return f"{self.model}, {batch}, {'with' if self.context else 'no'} context parallelism"


def best(setting: Setting, gpus: int, fabric: Links) -> StepTime | None:
    """Return the fastest configuration, or None where none fits."""
    batch = 2 * gpus if setting.scaled else 2048
    fixed = {} if setting.context else {"cp": 1}
    try:
        found = search(setting.model, gpus, fabric, seq=MODELS[setting.model], global_batch=batch, fixed=fixed)
    except BadInput:
        return None
    return found.best[0]


def cut(step: StepTime) -> str:
    """Return tp·pp·dp·cp·ep and the pieces of a stage."""
    return f"{step.parallelism.cut()} v{step.job.interleave}"


def lost(step: StepTime) -> str:
    """Return the two largest parts that are not compute, as shares of the step."""
    return ", ".join(f"{name} {share:.0%}" for name, share in step.largest_losses())


def main() -> None:
    settings = [
        Setting(model, scaled, context) for model in MODELS for scaled in (False, True) for context in (False, True)
    ]
    lines: list[str] = []
    rows: list[dict[str, object]] = []
    curves: dict[Setting, list[float]] = {}
    for setting in settings:
        lines += ["", f"**{setting.title}**", ""]
        lines += ["| GPUs | InfinitePOD K=3 | cut | DGX | cut | NVL-72 | x DGX | x DGX, links as fast | lost on InfinitePOD | lost on DGX |",
                  "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
        curves[setting] = []
        for gpus in GPUS:
            steps = {name: best(setting, gpus, fabric) for name, fabric in FABRICS.items()}
            ours, theirs, fast, nvl = (steps[name] for name in FABRICS)
            assert ours and theirs and fast and nvl, "all of these fit"
            curves[setting].append(ours.mfu / theirs.mfu)
            lines.append(
                f"| {gpus:,} | {ours.mfu:.3f} | {cut(ours)} | {theirs.mfu:.3f} | {cut(theirs)} | {nvl.mfu:.3f} "
                f"| {ours.mfu / theirs.mfu:.2f} | {ours.mfu / fast.mfu:.2f} | {lost(ours)} | {lost(theirs)} |"
            )
            print(setting.title, lines[-1], flush=True)
            rows += [{"model": setting.model, "scaled": setting.scaled, "context": setting.context, "gpus": gpus, "fabric": name,
                      "mfu": round(step.mfu, 5), "step_s": round(step.step_s, 4), "cut": cut(step)}
                     for name, step in steps.items() if step]  # fmt: skip
    write_csv(HERE / "numbers.csv", rows, force=True)
    draw(curves)
    replace_table(HERE / "README.md", lines)


def draw(curves: dict[Setting, list[float]]) -> None:
    """Write mfu.svg: InfinitePOD's MFU over DGX's against the number of GPUs."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for setting, ratios in curves.items():
        style = ("--" if setting.scaled else "-") if not setting.context else (":" if setting.scaled else "-.")
        axes.plot(GPUS, ratios, style, color="C0" if "llama" in setting.model else "C1", label=setting.title)
    axes.axhline(HEADLINE, color="grey", linewidth=0.8)
    axes.annotate("3.37, the headline", (GPUS[0], HEADLINE), va="bottom")
    axes.set_xscale("log", base=2)
    axes.set_xticks(GPUS, [f"{gpus // 1024}k" for gpus in GPUS])
    axes.set_xlabel("GPUs")
    axes.set_ylabel("MFU of InfinitePOD K=3 / DGX")
    axes.legend(fontsize=7)
    pictures.save(figure, HERE / "mfu.svg")


if __name__ == "__main__":
    main()
