"""The engine of the nano model: ONNX Runtime on the CPU, no torch.

The graph is stateless. It reads a session's caches in place and returns the new tokens' rows, which are written here;
so any number of sessions share one graph, and a step that is not taken changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import BadInput, MissingPackage
from roundelay.shape import Shape
from roundelay.voice.graphs import session
from roundelay.voice.lm.engine import CachedEngine

GROWTH = 256  # tokens; attention reads the whole cache, so it grows with the conversation


@dataclass(slots=True)
class Caches:
    """Keys and values of one session, float32 [G, capacity, D]: keys of layer 0, its values, keys of layer 1, …"""

    arrays: list[np.ndarray]

    @property
    def capacity(self) -> int:
        """How many tokens fit."""
        return int(self.arrays[0].shape[1])

    def resized(self, capacity: int, length: int) -> Caches:
        """A copy of the first `length` tokens with room for `capacity`."""
        arrays = []
        for old in self.arrays:
            new = np.zeros((old.shape[0], capacity, old.shape[2]), np.float32)
            new[:, :length] = old[:, :length]
            arrays.append(new)
        return Caches(arrays)


class OnnxEngine(CachedEngine[Caches]):
    """An engine over a graph written by `roundelay.train.lm.export`, given as a file or its bytes.

    Raises `BadInput` for a file that is missing, damaged, or no language model of ours.
    """

    def __init__(self, graph: Path | str | bytes, threads: int = 1) -> None:
        name = "given as bytes" if isinstance(graph, bytes) else graph
        try:
            self._graph = session(graph if isinstance(graph, bytes) else Path(graph).read_bytes(), threads)
        except MissingPackage:
            raise
        except OSError as error:
            raise BadInput("language model", name, f"cannot be read ({error.strerror})") from None
        except Exception:  # onnxruntime raises its own, unnamed kinds
            raise BadInput("language model", name, "is damaged or no ONNX file; export it again") from None
        about = self._graph.get_modelmeta().custom_metadata_map
        super().__init__(_shape(about.get("shape"), name))
        self.precision = str(about.get("precision", ""))
        self._names = [each.name for each in self._graph.get_inputs()][2:]

    def _empty(self) -> Caches:
        size = (self.shape.kv_groups, min(GROWTH, self.shape.max_length), self.shape.head_dim)
        return Caches([np.zeros(size, np.float32) for _ in self._names])

    def _copy(self, memory: Caches, length: int) -> Caches:
        return memory.resized(memory.capacity, length)

    def _feed(self, memory: Caches, start: int, ids: Sequence[int]) -> np.ndarray:
        end = start + len(ids)
        if end > memory.capacity:
            room = min(-(-end // GROWTH) * GROWTH, self.shape.max_length)
            memory.arrays = memory.resized(room, start).arrays
        feed = dict(zip(self._names, memory.arrays, strict=True))
        feed["ids"], feed["start"] = np.asarray(ids, np.int64), np.asarray(start, np.int64)
        logits, *rows = self._graph.run(None, feed)
        for array, new in zip(memory.arrays, rows, strict=True):
            array[:, start:end] = new
        return np.asarray(logits, np.float32)


def _shape(text: Any, name: object) -> Shape:
    try:
        return Shape.from_table(json.loads(text), name)
    except (TypeError, ValueError):
        raise BadInput("language model", name, "does not say its shape; export it with roundelay") from None
