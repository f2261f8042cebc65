"""From a language model to one ONNX graph for the embedded engine: caches in, the new tokens' rows out."""

from __future__ import annotations

import io
import json
import logging
import math
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.lm.model import Attention, Block, Step1

OPSET = 17
PRECISIONS = ("fp32", "int8")


class _Graph(nn.Module):
    """The model over caches it only reads.

    The caches' rows beyond `start` hold anything. Scores over old and new keys are joined, not the keys: joining keys
    would copy a whole cache in every layer at every step.
    """

    def __init__(self, model: Step1, half_embedding: bool) -> None:
        super().__init__()
        self.body, self.head, self.shape = model.model, model.lm_head, model.shape
        table = model.model.embed_tokens.weight.detach()
        self.register_buffer("table", table.half() if half_embedding else table.clone())
        self.register_buffer("slopes", model.slopes_H.view(model.shape.kv_groups, -1, 1, 1).clone())
        self.table: Tensor
        self.slopes: Tensor

    def forward(self, ids_T: Tensor, start: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        """Logits of the last token [V], then each layer's new keys and values [G, T, D]."""
        x = self.table[ids_T].float()[None]
        bias = self._bias(ids_T, start, caches[0])
        rows: list[Tensor] = []
        for number, layer in enumerate(self.body.layers):
            assert isinstance(layer, Block)
            keys, values = caches[2 * number], caches[2 * number + 1]
            y, k, v = self._attend(layer.self_attn, layer.input_layernorm(x), bias, keys, values)
            rows += [k, v]
            x = x + y
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return (self.head(self.body.norm(x[0, -1:]))[0], *rows)

    def _bias(self, ids_T: Tensor, start: Tensor, cache_GSD: Tensor) -> Tensor:
        """[G, R·T, S + T]: −slope·√distance; −inf for the cache's unwritten rows and for later tokens."""
        old, new = torch.arange(cache_GSD.shape[1]), torch.arange(ids_T.shape[0])
        far = (start + new)[:, None] - torch.cat([old, start + new])[None]
        unseen = (far < 0) | torch.cat([old >= start, new < 0])[None]
        root = far.clamp(min=0).float().sqrt().masked_fill(unseen, math.inf)
        return (-self.slopes * root).reshape(self.shape.kv_groups, -1, root.shape[1])

    @staticmethod
    def _attend(
        attention: Attention, x_BTC: Tensor, bias: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (each[0] for each in attention.project(x_BTC))
        q = q * (attention.width**-0.5)
        scores = torch.cat([q @ keys.transpose(1, 2), q @ k.transpose(1, 2)], -1) + bias
        chances = scores.softmax(-1)
        seen = keys.shape[1]
        y = chances[..., :seen] @ values + chances[..., seen:] @ v
        return attention.merge(y[None], x_BTC.shape[1]), k, v


def to_onnx(model: Step1, precision: str = "int8") -> bytes:
    """The model as ONNX bytes for `OnnxEngine`.

    fp32 keeps every weight. int8 quantises the matrices by output channel, activations as they come, and stores the
    embedding in half precision. Raises `BadInput` for another precision and `MissingPackage` without onnx.
    """
    if precision not in PRECISIONS:
        raise BadInput("precision", precision, f"is unknown; known: {', '.join(PRECISIONS)}")
    try:
        import onnx
    except ImportError:
        raise MissingPackage("onnx", "train") from None
    shape = model.shape
    graph = _Graph(model.cpu().float().eval(), half_embedding=precision == "int8")
    caches = [torch.zeros(shape.kv_groups, 8, shape.head_dim) for _ in range(2 * shape.layers)]
    names = [f"{kind}_{layer}" for layer in range(shape.layers) for kind in ("keys", "values")]
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (torch.zeros(3, dtype=torch.long), torch.tensor(2), *caches),
            buffer,  # type: ignore[arg-type]  # the scripted exporter takes a file
            input_names=["ids", "start", *names],
            output_names=["logits", *(f"new_{name}" for name in names)],
            dynamic_axes={"ids": {0: "tokens"}}
            | {name: {1: "capacity"} for name in names}
            | {f"new_{name}": {1: "tokens"} for name in names},
            opset_version=OPSET,
            dynamo=False,
        )
    data = buffer.getvalue()
    made = onnx.load_from_string(_quantised(data) if precision == "int8" else data)
    about = {"shape": json.dumps(asdict(shape)), "precision": precision}
    onnx.helper.set_model_props(made, about)
    return bytes(made.SerializeToString())


def _quantised(data: bytes) -> bytes:
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(data)
        # Seven bits: on processors without VNNI, eight-bit signed weights overflow in sums of sixteen bits (ten times
        # the error), and unsigned ones, which do not, were a fifth slower.
        settings: dict[str, Any] = {"weight_type": quantization.QuantType.QInt8, "reduce_range": True}
        logging.disable(logging.WARNING)  # it asks for a preparation that small graphs do not need
        try:
            quantization.quantize_dynamic(before, after, op_types_to_quantize=["MatMul"], per_channel=True, **settings)
        finally:
            logging.disable(logging.NOTSET)
        return after.read_bytes()
