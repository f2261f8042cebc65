"""Export to the package: ONNX graphs with half-precision weights, voices, and the manifest with its checksums."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from roundelay.errors import MissingPackage
from roundelay.files import replacing, write_text
from roundelay.train.codec.flow import Flow
from roundelay.train.codec.recognizer_stage import JointRecognizer
from roundelay.train.codec.tokenizer import SPEAKER, CodebookRecognizer, Prior, TokenizerTrainer, Trunk
from roundelay.train.codec.vocoder import AHEAD, Vocoder
from roundelay.voice.tokenizer.frontend import BANDS
from roundelay.voice.tokenizer.fsq import GROUP_VALUES, LINGUISTIC, SEMANTIC

MAX_WEIGHT_BYTES = 16 * 1000 * 1000  # of one file
OPSET = 17


class _Trunk(nn.Module):
    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, mel: Tensor, cache: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.trunk(mel, cache)[:3]


class _Recognizers(nn.Module):
    def __init__(self, linguistic: CodebookRecognizer, semantic: CodebookRecognizer, both: JointRecognizer) -> None:
        super().__init__()
        self.first, self.second, self.both = linguistic, semantic, both

    def forward(self, linguistic: Tensor, semantic: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.first(linguistic)[0], self.second(semantic)[0], self.both(linguistic, semantic)[0]


class _Prior(nn.Module):
    def __init__(self, prior: Prior) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, groups: Tensor, speaker: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        return self.prior(groups, speaker, cache)


Spec = tuple[nn.Module, dict[str, Tensor], Sequence[str]]


def specs(model: TokenizerTrainer, recognizer: JointRecognizer, flow: Flow, vocoder: Vocoder) -> dict[str, Spec]:
    """Every graph: its module, example inputs by name (dimension 1 is time, dynamic unless memory), and its outputs."""
    trunk, prior = model.trunk, model.prior
    return {
        "tokenizer": (
            _Trunk(trunk),
            {"mel": torch.randn(1, 24, BANDS), "cache": trunk.stack.empty()},
            ("linguistic", "semantic", "next_cache"),
        ),
        "phone_recognizer": (
            _Recognizers(model.reads_linguistic, model.reads_semantic, recognizer),
            {
                "linguistic": torch.randn(1, 4, LINGUISTIC.digits),
                "semantic": torch.randn(1, 6, SEMANTIC.digits),
            },
            ("phones02", "phones06", "phones"),
        ),
        "prior": (
            _Prior(prior),
            {
                "groups": torch.randn(1, 2, GROUP_VALUES),
                "speaker": torch.randn(1, SPEAKER),
                "cache": prior.stack.empty(),
            },
            ("mel", "next_cache"),
        ),
        "flow": (
            flow,
            {
                "x": torch.randn(1, 8, 2 * BANDS),
                "condition": torch.randn(1, 8, 4 * BANDS),
                "speaker": torch.randn(1, SPEAKER),
                "time": torch.zeros(1),
                "cache": flow.stack.empty(),
            },
            ("velocity", "next_cache"),
        ),
        "vocoder": (
            vocoder,
            {
                "mel": torch.randn(1, 9, BANDS),
                "cache": vocoder.stack.empty(),
                "late": torch.zeros(1, AHEAD, BANDS),
            },
            ("gains", "pitch", "next_cache", "next_late"),
        ),
        "speaker": (model.speaker, {"mel": torch.randn(1, 64, BANDS)}, ("vector",)),
    }


FIXED_SHAPE = {"cache", "late", "speaker", "time"}  # inputs whose shape never changes


def to_onnx(module: nn.Module, inputs: dict[str, Tensor], outputs: Sequence[str], half: bool = True) -> bytes:
    """The module as ONNX bytes, time dynamic; large weights are stored in half precision and computed in single."""
    try:
        import onnx
    except ImportError:
        raise MissingPackage("onnx", "train") from None
    module = module.cpu().eval()
    free = {name: {1: f"{name}_frames"} for name in inputs if name not in FIXED_SHAPE}
    free |= {name: {1: "frames"} for name in outputs if not name.startswith("next_") and name != "vector"}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            buffer,  # type: ignore[arg-type]  # the scripted exporter takes a file
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=free,
            opset_version=OPSET,
            dynamo=False,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    if half:
        _halve(graph, onnx)
    graph.doc_string = "Roundelay codec; weights CC BY-SA 4.0, see MODEL_CARD.md"
    return bytes(graph.SerializeToString())


def _halve(model: Any, onnx: Any) -> None:
    """Store large float32 initialisers as float16 behind a Cast, which the runtime folds when it opens the file."""
    casts = []
    for tensor in list(model.graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims, initial=1) < 512:
            continue
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        small = onnx.numpy_helper.from_array(values, tensor.name + ".half")
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(small)
        casts.append(onnx.helper.make_node("Cast", [small.name], [tensor.name], to=onnx.TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)


def write(
    folder: Path, graphs: dict[str, bytes], voices: dict[str, dict[str, Any]], about: dict[str, Any]
) -> dict[str, int]:
    """Write graphs, voices and the manifest with every file's SHA-256; returns the sizes in bytes by name.

    Raises `ValueError` for a graph of 16 MB or more, since the package must stay small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = {f"{name}.onnx": value for name, value in graphs.items()}
    data["voices.json"] = (json.dumps(voices, indent=1) + "\n").encode()
    files = {}
    for name, value in data.items():
        if len(value) >= MAX_WEIGHT_BYTES:
            raise ValueError(f"{name} has {len(value):,} bytes; a weight file must stay under {MAX_WEIGHT_BYTES:,}")
        with replacing(folder / name, force=True) as temporary:
            temporary.write_bytes(value)
        files[name] = {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    table = {"format": 1, "licence": "CC-BY-SA-4.0", **about, "files": files}
    write_text(folder / "manifest.json", json.dumps(table, indent=1) + "\n", force=True)
    return {name: len(value) for name, value in data.items()}
