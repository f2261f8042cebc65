"""Reading the golden vectors of ../shared/golden: safetensors, by the format's own short rules (no package needed)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.shape import Shape

KINDS = {"F32": np.float32, "I64": np.int64, "I32": np.int32, "U8": np.uint8}


@dataclass(frozen=True)
class Golden:
    """One file: tensors by name and its config."""

    tensors: dict[str, np.ndarray]
    config: dict[str, Any]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.tensors[name]

    def texts(self, name: str) -> list[str]:
        """A stored list of strings."""
        data, at = self[f"{name}.utf8"].tobytes(), self[f"{name}.offsets"]
        return [data[a:b].decode() for a, b in pairwise(at)]

    def lists(self, name: str) -> list[np.ndarray]:
        """A stored list of arrays."""
        at = self[f"{name}.offsets"]
        return [self[f"{name}.flat"][a:b] for a, b in pairwise(at)]


def read(path: Path) -> Golden:
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    config = json.loads(header.pop("__metadata__")["config"])
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        kind = KINDS[entry["dtype"]]
        tensors[name] = np.frombuffer(data[start + first : start + last], kind).reshape(entry["shape"])
    return Golden(tensors, config)


def shape_of(config: dict[str, int]) -> Shape:
    return Shape(
        hidden=config["hidden_size"],
        ffn=config["intermediate_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        kv_groups=config["num_attention_groups"],
        head_dim=config["head_dim"],
        vocab=config["vocab_size"],
        max_length=config["max_seq_len"],
    )
