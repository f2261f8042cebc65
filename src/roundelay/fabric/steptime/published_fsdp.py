"""Published throughputs of fully sharded data parallelism beside ours: results/steptime/published-fsdp.toml.

Sources: MosaicML's llm-foundry (MPT, 201 runs on A100 and H100, bf16 and FP8) and PyTorch's torchtitan (Llama 2 and 3).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from roundelay.fabric.job.hardware import Hardware, Software, hardware, software, with_settings
from roundelay.fabric.job.parallelism import Job, Parallelism
from roundelay.fabric.job.workload import ModelSpec
from roundelay.fabric.steptime.published import PublishedRow
from roundelay.fabric.steptime.steptime import StepTime, step_time
from roundelay.shape import Shape

UNIT = "tokens/s a GPU"
VOCAB = 50368  # of every MPT
GPU = {"h100_bf16": "h100", "h100_fp8": "h100", "a100_80g": "a100-80g", "a100_40g": "a100-80g"}
A100_40G = {"memory_gb": 40.0, "memory_gb_per_s": 1555.0}  # data sheet
TITAN_H100 = {"memory_gb": 96.0, "memory_gb_per_s": 2400.0}  # as torchtitan says


def mpt(layers: int, hidden: int, heads: int, seq: int) -> ModelSpec:
    """Return an MPT: GELU four times as wide, tied head, biases, learnt positions up to `seq`."""
    shape = Shape(hidden, 4 * hidden, layers, heads, heads, hidden // heads, VOCAB, seq)
    return ModelSpec(shape, gated=False, tied=True, biases=True, positions=True)


@dataclass(frozen=True, slots=True)
class FsdpRuns:
    """The tables as published; the methods time them on a GPU and software as they are, or with other ratios."""

    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path | str) -> FsdpRuns:
        """Return the runs of a TOML file."""
        return cls(tomllib.loads(Path(path).read_text(encoding="utf-8")))

    def source(self, name: str) -> str:
        """Return where a table was published, "" for one that is not here."""
        sources: Mapping[str, str] = self.tables["source"]
        where = sources.get("mpt" if name.startswith("mpt") else name, "")
        return f"{name.removeprefix('mpt_')}: {where}" if where and name.startswith("mpt") else where

    def mpt(
        self,
        name: str,
        gpu: Hardware | None = None,
        *,
        only_calibrating: bool = False,
        passes_ratio: float | None = None,
    ) -> list[PublishedRow]:
        """Return one of llm-foundry's tables: h100_bf16, h100_fp8, a100_80g or a100_40g."""
        table, models = self.tables["mpt"][name], self.tables["mpt"]["models"]
        gpu = gpu or hardware(GPU[name])
        gpu = with_settings(gpu, A100_40G) if name == "a100_40g" else gpu
        out = []
        for model, seq, gpus, micro, count, checkpointed, rate, _ in table["rows"]:
            calibrates = model in table["calibrates"]
            if only_calibrating and not calibrates:
                continue
            depth, hidden, heads, _ = models[model]
            pure = name == "a100_40g" or (name == "a100_80g" and model == "70b")
            soft = software("fsdp-2023-pure" if pure else "fsdp-2023")
            soft = replace(soft, fp8=name == "h100_fp8", passes_ratio=passes_ratio or soft.passes_ratio)
            job = Job(seq, gpus * micro * count, micro, 1, "full" if checkpointed else "none", False, 3)
            step = step_time(mpt(depth, hidden, heads, seq), Parallelism(dp=gpus), job, gpu, "dgx", soft)
            label = f"{model}, {gpus} GPUs, sequence {seq:,}, micro-batch {micro}"
            ours = step.tokens_per_s / gpus
            out.append(PublishedRow(f"mpt_{name}", label, rate, ours, UNIT, calibrates, step))
        return out

    def titan(
        self, name: str, gpu: Hardware | None = None, *, only: str = "", passes_ratio: float | None = None
    ) -> list[PublishedRow]:
        """Return torchtitan's rows on a100 or h100; `only` those of one software, `passes_ratio` for the eager one."""
        models = self.tables["titan"]["models"]
        gpu = gpu or (titan_h100(self) if name == "h100" else hardware("a100-80g"))
        out = []
        for model, seq, gpus, tp, micro, mode, soft_name, rate, calibrates in self.tables["titan"][name]["rows"]:
            if only and not (calibrates and soft_name == only):
                continue
            hidden, ffn, depth, heads, groups, vocab = models[model]
            spec = ModelSpec(Shape(hidden, ffn, depth, heads, groups, hidden // heads, vocab, seq))
            soft = software(soft_name)
            soft = replace(soft, passes_ratio=passes_ratio) if passes_ratio and soft_name == "fsdp-2024" else soft
            steps = [_titan_step(spec, (seq, gpus, tp, micro), each, gpu, soft) for each in _modes(mode)]
            ours = sum(step.tokens_per_s**-1 for step in steps) / len(steps)
            label = f"{model}, {gpus} GPUs, tp {tp}, {soft_name}, recompute {mode}"
            out.append(PublishedRow(f"titan_{name}", label, rate, 1 / ours / gpus, UNIT, calibrates, steps[0]))
        return out

    def all(self) -> dict[str, list[PublishedRow]]:
        """Return all rows, by table."""
        found = {f"mpt_{name}": self.mpt(name) for name in GPU}
        return found | {f"titan_{name}": self.titan(name) for name in ("a100", "h100")}


def titan_h100(runs: FsdpRuns) -> Hardware:
    """Return torchtitan's H100: 96 GB of slower memory and 500 W, which slows bf16 and FP8 alike.

    Its matrix ratio is set on its rows of 8 GPUs.
    """
    gpu, ratio = hardware("h100"), runs.tables["titan"]["h100"]["matrix_ratio"]
    return with_settings(
        gpu, {**TITAN_H100, "matrix_ratio": ratio, "fp8_ratio": gpu.fp8_ratio * ratio / gpu.matrix_ratio}
    )


def _modes(mode: str) -> tuple[str, ...]:
    return ("none", "full") if mode == "half" else (mode,)


def _titan_step(spec: ModelSpec, size: tuple[int, int, int, int], mode: str, gpu: Hardware, soft: Software) -> StepTime:
    seq, gpus, tp, micro = size
    ranks = gpus // tp
    job = Job(seq, ranks * micro, micro, 1, mode, tp > 1, 3)
    return step_time(spec, Parallelism(tp=tp, dp=ranks), job, gpu, "dgx", soft)
