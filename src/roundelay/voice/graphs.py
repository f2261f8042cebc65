"""The networks in the package: ONNX files with a manifest of checksums, opened once and run on one thread.

A file that does not match its checksum raises one error before anything is computed with it.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import BadInput, MissingPackage, RoundelayError

PACKAGED = Path(__file__).parent / "weights"
REPAIR = "install the package again, or train with `roundelay train codec`"


class DamagedWeightsError(RoundelayError):
    """A weight file is missing, cut short or altered."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"weights {path.name} {reason}: {REPAIR}")


def manifest(folder: Path | None = None) -> dict[str, Any]:
    """The manifest of a weights folder: licence, sizes, and the checksum of each file."""
    path = (folder or PACKAGED) / "manifest.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value["files"], dict):
            raise ValueError
    except OSError:
        raise DamagedWeightsError(path, "cannot be read") from None
    except (ValueError, KeyError, TypeError):
        raise DamagedWeightsError(path, "is not a manifest") from None
    return dict(value)


def verified_bytes(name: str, folder: Path | None = None) -> bytes:
    """The bytes of a weight file whose checksum is right; raises `DamagedWeightsError`."""
    base = folder or PACKAGED
    entry = manifest(base)["files"].get(name)
    if entry is None:
        raise DamagedWeightsError(base / name, "is not in the manifest")
    try:
        data = (base / name).read_bytes()
    except OSError:
        raise DamagedWeightsError(base / name, "cannot be read") from None
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise DamagedWeightsError(base / name, "is damaged: its SHA-256 is not the manifest's")
    return data


def session(network: bytes, threads: int = 1) -> Any:
    """An ONNX Runtime session on the CPU for a network's bytes. Raises `MissingPackage`, and onnxruntime's own errors.

    It keeps no memory arena between two runs: with inputs of every length it would grow as long as a server runs,
    and it saves no time here (docs/log.md).
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingPackage("onnxruntime", "voice") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


class Graph:
    """One network, called with arrays by name; returns arrays in the file's order."""

    def __init__(self, name: str, folder: Path | None = None, threads: int = 1) -> None:
        data = verified_bytes(f"{name}.onnx", folder)
        try:
            self._session = session(data, threads)
        except MissingPackage:
            raise
        except Exception as error:  # onnxruntime raises its own, unnamed kinds
            raise DamagedWeightsError(Path(f"{name}.onnx"), f"cannot be opened ({type(error).__name__})") from None
        self._shapes = {i.name: i.shape for i in self._session.get_inputs()}

    def __call__(self, **inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs for these inputs; everything is cast to float32."""
        feed = {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in inputs.items()}
        return list(self._session.run(None, feed))

    def zeros(self, name: str) -> np.ndarray:
        """Zeros in the shape of an input, for an initial state; the shape is fixed in the file."""
        shape = self._shapes.get(name, [])
        if not shape or not all(isinstance(size, int) for size in shape):
            raise BadInput("graph input", name, f"has no fixed shape ({shape})")
        return np.zeros(shape, np.float32)


@cache
def graph(name: str, folder: Path | None = None) -> Graph:
    """The network `name` of a weights folder, opened once per process."""
    return Graph(name, folder)
