"""The metrics of a training stage, as lines of JSON and TensorBoard events."""

from __future__ import annotations

import json
import os
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import Tensor

from roundelay.console import note
from roundelay.train.distributed import rank


class MetricsLog:
    """Means of the values that steps report, as lines of `<out>/<name>.metrics.jsonl` and, if the package tensorboard
    is installed, as events in `<out>/tensorboard`. Only rank 0 writes.
    """

    def __init__(self, out: Path, name: str) -> None:
        self.path, self.name = out / f"{name}.metrics.jsonl", name
        self.sums: dict[str, list[float]] = {}
        self.cpu = time.process_time()
        self.board: Any = None
        if rank() == 0 and find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(out / "tensorboard" / name))

    def add(self, losses: dict[str, Tensor]) -> None:
        """Collect one step's values."""
        for key, value in losses.items():
            self.sums.setdefault(key, []).append(float(value.detach()))

    def flush(self, step: int, rate: float) -> None:
        """Write the means since the last call."""
        means = {key: round(sum(values) / len(values), 5) for key, values in self.sums.items()}
        self.sums = {}
        if self.board is not None:
            for key, value in means.items():
                self.board.add_scalar(f"{self.name}/{key}", value, step)
        self.write({"step": step, **means, "rate": rate, "cpu_s": round(time.process_time() - self.cpu, 1)})

    def write(self, line: dict[str, Any]) -> None:
        """Append a line and print it."""
        if rank() != 0:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        shown = " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items())
        note(f"{self.name}: {shown}")
