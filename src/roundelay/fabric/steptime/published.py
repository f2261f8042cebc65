"""Published step times beside ours: every run of results/steptime/published.toml, timed by the model.

Sources: Korthikanti et al. (arXiv 2205.05198), Megatron-LM (2104.04473), MegaScale (2402.15627), Llama 3 (2407.21783).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundelay.fabric.job.hardware import Hardware, hardware
from roundelay.fabric.job.parallelism import RECOMPUTE, Job, Parallelism
from roundelay.fabric.job.workload import ModelSpec
from roundelay.fabric.steptime import layers
from roundelay.fabric.steptime.accuracy import ClassError
from roundelay.fabric.steptime.grid import Grid
from roundelay.fabric.steptime.steptime import StepTime, communication, recompute, scenario_of, step_time
from roundelay.shape import Shape

# what each table is held to: relative error of any row, mean of all; Llama in points of MFU
WORST = {
    "layers": 0.05, "runs": 0.085, "megatron": 0.10, "megascale": 0.10,
    "mpt_h100_bf16": 0.30, "mpt_h100_fp8": 0.25, "mpt_a100_80g": 0.35, "mpt_a100_40g": 0.35,
    "titan_a100": 0.15, "titan_h100": 0.20, "fp8_2025": 0.30, "moe": 0.30,
}  # fmt: skip
FSDP = ("mpt_h100_bf16", "mpt_h100_fp8", "mpt_a100_80g", "mpt_a100_40g", "titan_a100", "titan_h100")
# of the rows that set no constant; of a class, the goals: Megatron's at most 8 %, sharded ones' at most 15 %
MEAN = {"runs": 0.035, "megatron": 0.08, "megascale": 0.08} | dict.fromkeys(FSDP, 0.15)
MEAN_OF_CLASS = {"megatron": 0.08, "fsdp": 0.15}
LLAMA_POINTS = 3.0
H100_TFLOPS = 989.0


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One published number and ours: a time (lower is faster) or TFLOP/s; `calibrates` says it set a constant."""

    table: str
    name: str
    theirs: float
    ours: float
    unit: str
    calibrates: bool = False
    step: StepTime | None = None

    @property
    def error(self) -> float:
        """Relative error of ours."""
        return self.ours / self.theirs - 1

    @property
    def time_error(self) -> float:
        """Relative error of our time: what is published as a rate falls as the time grows."""
        return self.error if self.unit in ("s", "ms", "GPU hours") else self.theirs / self.ours - 1

    @property
    def mfu_points(self) -> float:
        """Error of a row in TFLOP/s of an H100, in points of MFU."""
        return (self.ours - self.theirs) / H100_TFLOPS * 100

    @property
    def held(self) -> bool:
        """Whether the row is within its tolerance."""
        if self.table == "llama":
            return abs(self.mfu_points) <= LLAMA_POINTS
        return abs(self.error) <= WORST[self.table]


def mean_error(rows: Sequence[PublishedRow]) -> float:
    """Return the mean size of the relative errors."""
    return sum(abs(row.error) for row in rows) / len(rows)


def class_errors(rows: Iterable[PublishedRow]) -> dict[str, ClassError]:
    """Return what the steps of each class miss, over the rows that set no constant."""
    by_kind: dict[str, list[PublishedRow]] = {}
    for row in rows:
        if row.step and not row.calibrates:
            by_kind.setdefault(row.step.accuracy.kind, []).append(row)
    out = {}
    for kind, found in sorted(by_kind.items()):
        steps = [row.step for row in found if row.step]
        largest = max(step.billions for step in steps)
        out[kind] = ClassError.of([row.time_error for row in found], max(step.gpus for step in steps), largest)
    return out


def gpt(layers: int, hidden: int, heads: int, vocab: int = 51200) -> ModelSpec:
    """Return a GPT of Megatron: GELU four times as wide, tied head, learnt positions, sequences of 2,048."""
    shape = Shape(hidden, 4 * hidden, layers, heads, heads, hidden // heads, vocab, 2048)
    return ModelSpec(shape, gated=False, tied=True, biases=True, positions=True)


@dataclass(frozen=True, slots=True)
class PublishedRuns:
    """The tables as published, each with its `rows`, and `source` by table; the methods time them on a GPU."""

    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path | str) -> PublishedRuns:
        """Return the runs of a TOML file."""
        return cls(tomllib.loads(Path(path).read_text(encoding="utf-8")))

    @property
    def source(self) -> Mapping[str, str]:
        """Where each table was published."""
        return self.tables["source"]

    def layers(self, gpu: Hardware | None = None) -> list[PublishedRow]:
        """Return forward and backward milliseconds of one layer of the 22B model."""
        table = self.tables["layers"]["rows"]
        scenario = scenario_of("gpt-22b", 2048, 4, gpu or "a100-80g", "dgx")
        grid = Grid.of([[8, 1, 1, 1, 1, 4, 1, RECOMPUTE.index(mode), flag, 0] for mode, flag, _, _ in table])
        work = layers.dense(scenario, grid)
        comms = communication(scenario, grid, work, 0.0)
        forward = work.matrix + work.attention + work.elementwise + comms.forward
        back = work.input_gradient + work.weight_gradient + work.attention_back + work.elementwise_back
        back = back + comms.tensor - comms.forward + recompute(scenario, grid, work, comms.forward)
        out = []
        for i, (mode, flag, theirs, theirs_back) in enumerate(table):
            name = f"recompute {mode}, {'' if flag else 'no '}sequence parallelism"
            out.append(PublishedRow("layers", f"{name}: forward", theirs, 1e3 * float(forward[i]), "ms", True))
            out.append(PublishedRow("layers", f"{name}: backward", theirs_back, 1e3 * float(back[i]), "ms", True))
        return out

    def korthikanti(self, gpu: Hardware | None = None, *, data_parallel: bool = False) -> list[PublishedRow]:
        """Return the eight runs of Table 5, or the 530B model on 2,240 GPUs."""
        table = self.tables["runs"]
        rows = [table["with_data_parallelism"]] if data_parallel else table["rows"]
        out = []
        for model, tp, pp, dp, pieces, micro, batch, mode, flag, seconds, sets in rows:
            cut = Parallelism(tp, pp, dp)
            step = step_time(model, cut, Job(2048, batch, micro, pieces, mode, flag), gpu or "a100-80g", "dgx")
            out.append(
                PublishedRow("runs", f"{model}, {cut.gpus:,} GPUs, {mode}", seconds, step.step_s, "s", sets, step)
            )
        return out

    def megatron(self, gpu: Hardware | None = None) -> list[PublishedRow]:
        """Return Megatron-LM's Table 1 in its own TFLOP/s, which count the recomputed forward pass (its equation 3)."""
        out = []
        for depth, hidden, heads, tp, pp, micro, pieces, gpus, batch, tflops, ddp in self.tables["megatron"]["rows"]:
            software = "megatron-2021-ddp" if ddp == "torch" else "megatron-2021"
            job = Job(2048, batch, micro, pieces, "full")
            cut = Parallelism(tp, pp, gpus // tp // pp)
            step = step_time(gpt(depth, hidden, heads), cut, job, gpu or "a100-80g", "dgx", software)
            flops = 96 * batch * 2048 * depth * hidden**2 * (1 + 2048 / 6 / hidden + 51200 / 16 / depth / hidden)
            ours = flops / step.step_s / gpus / 1e12
            name = f"{gpt(depth, hidden, heads).parameters / 1e9:.1f}B, {gpus:,} GPUs"
            out.append(PublishedRow("megatron", name, tflops, ours, "TFLOP/s", False, step))
        return out

    def megascale(self, gpu: Hardware | None = None) -> list[PublishedRow]:
        """Return the Megatron-LM rows of MegaScale's strong scaling: 175B, TP 8, PP 8, six pieces.

        Selective recomputation is ours; MegaScale does not state it.
        """
        model = gpt(96, 12288, 128, 64000)
        out = []
        for batch, gpus, seconds in self.tables["megascale"]["rows"]:
            job = Job(2048, batch, 1, 6, "selective", True)
            step = step_time(model, Parallelism(8, 8, gpus // 64), job, gpu or "a100-80g", "dgx")
            out.append(
                PublishedRow("megascale", f"batch {batch:,}, {gpus:,} GPUs", seconds, step.step_s, "s", False, step)
            )
        return out

    def llama(self, gpu: Hardware | None = None) -> list[PublishedRow]:
        """Return Llama 3's Table 4.

        Its TFLOP/s are read as counting the pairs that the causal mask leaves (results/steptime/README.md).
        """
        out = []
        for tp, cp, pp, dp, seq, batch, tflops, sets in self.tables["llama"]["rows"]:
            job = Job(seq, batch, 1, 8, "none", True, 1)
            step = step_time("llama3-405b", Parallelism(tp, pp, dp, cp), job, gpu or "h100", "dgx")
            ours = step.mfu_causal * hardware("h100").matrix_tflops
            name = f"{tp * cp * pp * dp:,} GPUs, cp {cp}, sequence {seq:,}"
            out.append(PublishedRow("llama", name, tflops, ours, "TFLOP/s", sets, step))
        return out

    def all(self) -> dict[str, list[PublishedRow]]:
        """Return all rows, by table."""
        return {
            "layers": self.layers(),
            "runs": self.korthikanti() + self.korthikanti(data_parallel=True),
            "megatron": self.megatron(),
            "megascale": self.megascale(),
            "llama": self.llama(),
        }
