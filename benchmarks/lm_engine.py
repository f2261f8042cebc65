"""The embedded engine's speed and memory on one core: python benchmarks/lm_engine.py [--context 300] [--tokens 200]

The nano shape with random weights, one sequence, a token at a time, beside transformers' `generate` with the same shape and
weights (its Llama: rotary positions instead of the distance penalty, the same products). Each engine runs in a process of its
own in one run; CPU seconds are counted, since other work on the machine must not. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import numpy as np

from roundelay.shape import Shape
from roundelay.voice.lm.engine import Engine
from roundelay.voice.vocab import VOCAB

ENGINES = ("ONNX int8", "ONNX fp32", "torch fp32", "transformers")


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


def generate(folder: Path, context: int, tokens: int) -> tuple[float, float]:
    """The same of transformers: a prefill, and `generate` less its prefill."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from roundelay.voice.lm.checkpoint import load

    torch.set_num_threads(1)
    model, shape = load(folder / "model.safetensors"), Shape.preset("nano")
    config = LlamaConfig(
        vocab_size=shape.vocab, hidden_size=shape.hidden, intermediate_size=shape.ffn, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_groups, head_dim=shape.head_dim,
        max_position_embeddings=shape.max_length, tie_word_embeddings=False, pad_token_id=0, eos_token_id=None,
    )  # fmt: skip
    llama = LlamaForCausalLM(config).eval()
    llama.load_state_dict(model.state_dict())
    del model
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, shape.vocab, (1, context)))

    def taken(count: int) -> float:
        started = time.process_time()
        llama.generate(ids, max_new_tokens=count, min_new_tokens=count, do_sample=False)
        return time.process_time() - started

    taken(2)
    first = taken(1)
    return context / first, (tokens - 1) / (taken(tokens) - first)


def measured(name: str, folder: Path, context: int, tokens: int) -> dict[str, float]:
    """One engine's speed and the most memory its process took."""
    if name == "transformers":
        prefill, step = generate(folder, context, tokens)
    elif name.startswith("ONNX"):
        from roundelay.voice.lm.onnx_engine import OnnxEngine

        prefill, step = speed(OnnxEngine(folder / f"{name[5:]}.onnx"), context, tokens)
    else:
        import torch

        from roundelay.voice.lm.checkpoint import load
        from roundelay.voice.lm.torch_engine import TorchEngine

        torch.set_num_threads(1)
        prefill, step = speed(TorchEngine(load(folder / "model.safetensors")), context, tokens)
    return {"prefill": prefill, "step": step, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def prepare(folder: Path) -> None:
    """Random weights of the nano shape as checkpoint and graphs."""
    import torch

    from roundelay.train.lm.export import to_onnx
    from roundelay.voice.lm.checkpoint import save
    from roundelay.voice.lm.model import Step1

    torch.manual_seed(0)
    model = Step1(Shape.preset("nano")).eval().requires_grad_(False)
    save(model, folder / "model.safetensors")
    for precision in ("fp32", "int8"):
        (folder / f"{precision}.onnx").write_bytes(to_onnx(model, precision))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--context", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--engine", choices=(*ENGINES, "prepare"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.engine == "prepare":
        prepare(given.folder)
        return
    if given.engine:
        print(json.dumps(measured(given.engine, given.folder, given.context, given.tokens)))
        return
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for engine in ("prepare", *ENGINES):  # a child's peak begins at its parent's size: so this process stays small
            settings = ["--engine", engine, "--folder", name, "--context", given.context, "--tokens", given.tokens]
            done = subprocess.run([sys.executable, __file__, *map(str, settings)], capture_output=True, text=True)
            if done.returncode:
                print(f"{engine} was left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            elif engine != "prepare":
                rows[engine] = json.loads(done.stdout.splitlines()[-1])
    print(f"{platform.processor() or platform.machine()}, one core, {date.today()}; context {given.context}\n")
    print(
        "| engine | peak MB | prefill tokens/s | tokens/s | x real time | x transformers |\n|---|---|---|---|---|---|"
    )
    base = rows.get("transformers", {}).get("step")
    for engine, row in rows.items():
        ratio = f"{row['step'] / base:.1f}" if base else "–"
        real = row["step"] / VOCAB.rate_hz
        print(f"| {engine} | {row['mb']:.0f} | {row['prefill']:,.0f} | {row['step']:,.0f} | {real:.1f} | {ratio} |")


if __name__ == "__main__":
    main()
