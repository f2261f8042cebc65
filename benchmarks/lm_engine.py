"""The embedded engine's speed on one core: python benchmarks/lm_engine.py [--context 300] [--tokens 100]

The nano shape with random weights, one sequence, a step at a time; all ratios are of one run. CPU seconds are counted, since
other work on the machine must not. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from datetime import date
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from roundelay.shape import Shape
from roundelay.train.export_lm import to_onnx
from roundelay.voice.lm.engine import Engine
from roundelay.voice.lm.model import Step1
from roundelay.voice.lm.onnx_engine import OnnxEngine
from roundelay.voice.lm.torch_engine import TorchEngine
from roundelay.voice.vocab import VOCAB


def speed(engine: Engine[Any], context: int, tokens: int) -> tuple[float, float]:
    """Tokens a CPU second: of a prefill of `context`, and of single steps after it."""
    ids = np.random.default_rng(0).integers(0, engine.shape.vocab, context + tokens).tolist()
    engine.prefill(engine.open(), ids[:2])  # first calls allocate
    session = engine.open()
    started = time.process_time()
    engine.prefill(session, ids[:context])
    filled = time.process_time()
    for token in ids[context:]:
        engine.step(session, token)
    return context / (filled - started), tokens / (time.process_time() - filled)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--context", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Step1(Shape.preset("nano")).eval().requires_grad_(False)
    engines: dict[str, Engine[Any]] = {"torch fp32": TorchEngine(model)}
    sizes = {"torch fp32": 4 * model.shape.parameters}
    for precision in ("fp32", "int8"):
        data = to_onnx(model, precision)
        engines[f"ONNX {precision}"], sizes[f"ONNX {precision}"] = OnnxEngine(data), len(data)
    print(f"{platform.processor() or platform.machine()}, one core, {date.today()}; context {given.context}\n")
    print("| engine | MB | prefill tokens/s | step tokens/s | x real time | x torch |\n|---|---|---|---|---|---|")
    base = 0.0
    for name, engine in engines.items():
        prefill, step = speed(engine, given.context, given.tokens)
        base = base or step
        real = step / VOCAB.rate_hz
        print(f"| {name} | {sizes[name] / 1e6:.1f} | {prefill:,.0f} | {step:,.0f} | {real:.1f} | {step / base:.2f} |")


if __name__ == "__main__":
    main()
