"""Published runs in FP8, on Blackwell and of mixtures beside ours: results/steptime/published-2025.toml.

Sources: NVIDIA's Megatron-Bridge (25.11) and DeepSeek-V3 (arXiv 2412.19437). No constant is set on any row.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundelay.fabric.job.parallelism import Job, Parallelism
from roundelay.fabric.steptime.complete import fastest
from roundelay.fabric.steptime.published import PublishedRow
from roundelay.fabric.steptime.steptime import scenario_of, step_time

TRILLION = 1e12


@dataclass(frozen=True, slots=True)
class LatestRuns:
    """The tables as published, each with its `rows`; the methods time them."""

    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path | str) -> LatestRuns:
        """Return the runs of a TOML file."""
        return cls(tomllib.loads(Path(path).read_text(encoding="utf-8")))

    def source(self, name: str) -> str:
        """Return where a table was published."""
        sources: Mapping[str, str] = self.tables["source"]
        return sources["bridge"] if name == "fp8_2025" else f"{sources['deepseek']}; and {sources['bridge']}"

    def bridge(self) -> list[PublishedRow]:
        """Return Megatron-Bridge's rows; dense ones are of the table `fp8_2025`, mixtures of `moe`."""
        out = []
        for row in self.tables["bridge"]["rows"]:
            gpu, links, model, gpus, batch, micro, seq, sharded, tp, pp, cp, pieces, ep, fp8, rate = row
            scenario = scenario_of(model, seq, batch, gpu, links, "megatron-2025-fp8" if fp8 else "megatron-2025")
            fixed = {"tp": tp, "pp": pp, "cp": cp, "ep": ep, "micro_batch": micro, "interleave": pieces}
            fixed |= {"zero": 3 if sharded else 1, "sequence_parallel": int(tp > 1)}
            step = fastest(scenario, gpus, fixed)
            table = "moe" if scenario.model.moe_layers else "fp8_2025"
            cut = f"tp {tp}, pp {pp} x {pieces}, cp {cp}, ep {ep}"
            name = f"{model}, {gpus:,} {gpu}, {cut}, {'FP8' if fp8 else 'bf16'}, recompute {step.job.recompute}"
            out.append(PublishedRow(table, name, rate, step.tokens_per_s / gpus, "tokens/s a GPU", False, step))
        return out

    def deepseek(self) -> PublishedRow:
        """Return DeepSeek-V3's own run: hours of a GPU for a trillion tokens.

        Nothing is recomputed in this row, for the paper makes again only norms and the up-projections of attention;
        whether it fits is therefore not asked.
        """
        said = self.tables["deepseek"]
        cut = Parallelism(1, said["pp"], said["gpus"] // said["pp"], 1, said["ep"])
        job = Job(4096, said["global_batch"], zero=1)
        step = step_time("deepseek-v3", cut, job, "h800", "dgx", "deepseek-v3")
        hours = TRILLION / step.tokens_per_s * said["gpus"] / 3600
        name = f"deepseek-v3, {said['gpus']:,} h800, pp {said['pp']}, ep {said['ep']}, FP8, DualPipe"
        return PublishedRow("moe", name, said["hours_per_trillion_tokens"], hours, "GPU hours", False, step)

    def all(self) -> dict[str, list[PublishedRow]]:
        """Return all rows, by table."""
        rows = self.bridge()
        return {
            "fp8_2025": [row for row in rows if row.table == "fp8_2025"],
            "moe": [row for row in rows if row.table == "moe"] + [self.deepseek()],
        }
