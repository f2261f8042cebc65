"""Export of the language model to one ONNX graph for the nano engine: caches in, the new tokens' rows out."""

from __future__ import annotations

import copy
import io
import json
import logging
import math
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.lm.model import EPSILON, Block, RMSNorm, Step1

OPSET = 17
PRECISIONS = ("fp32", "int8")


class _Layer(nn.Module):
    """One layer's weights; products with the same input are merged into one."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        own, mlp = block.self_attn, block.mlp
        self.attention_norm, self.mlp_norm = _Norm(block.input_layernorm), _Norm(block.post_attention_layernorm)
        self.qkv = _merge(own.q_proj, own.k_proj, own.v_proj)
        self.gate_up = _merge(mlp.gate_proj, mlp.up_proj)
        self.out, self.down = own.o_proj, mlp.down_proj


class _Norm(nn.Module):
    """The model's norm, in the form that the runtime fuses to one operation."""

    def __init__(self, norm: RMSNorm) -> None:
        super().__init__()
        self.weight = norm.weight

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * self.weight


def _merge(*parts: nn.Linear) -> nn.Linear:
    weight = torch.cat([part.weight.detach() for part in parts])
    merged = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    merged.weight = nn.Parameter(weight, requires_grad=False)
    return merged


class _Graph(nn.Module):
    """The model over caches that it only reads.

    The caches' rows beyond `start` are undefined. Scores over old and new keys are concatenated, not the keys, which
    would copy a whole cache in every layer at every step. Shapes are written with constants and one -1, since computing
    them took a fifth of a step.
    """

    def __init__(self, model: Step1, half_embedding: bool) -> None:
        super().__init__()
        self.shape = model.shape
        table = model.model.embed_tokens.weight.detach()
        self.register_buffer("table", table.half() if half_embedding else table.clone())
        self.register_buffer("slopes", model.slopes_H.view(model.shape.kv_groups, -1, 1, 1).clone())
        self.table: Tensor
        self.slopes: Tensor
        blocks = [block for block in model.model.layers if isinstance(block, Block)]
        self.layers = nn.ModuleList(_Layer(block) for block in blocks)
        self.norm, self.head = _Norm(model.model.norm), model.lm_head

    def forward(self, ids_T: Tensor, start: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        """Logits of the last token [V], then each layer's new keys and values [G, T, D]."""
        x = self.table[ids_T].float()
        seen = caches[0].shape[1]
        bias = self._bias(ids_T, start, seen)
        rows: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, _Layer)
            y, k, v = self._attend(layer, x, bias, caches[2 * number : 2 * number + 2], seen)
            rows += [k, v]
            x = x + y
            gate, up = layer.gate_up(layer.mlp_norm(x)).chunk(2, -1)
            x = x + layer.down(silu(gate) * up)
        return (self.head(self.norm(x[-1:]))[0], *rows)

    def _bias(self, ids_T: Tensor, start: Tensor, seen: int) -> Tensor:
        """[G, R·T, S + T]: −slope·√distance; −inf for the cache's unwritten rows and for later tokens."""
        old, new = torch.arange(seen), torch.arange(ids_T.shape[0])
        far = (start + new)[:, None] - torch.cat([old, start + new])[None]
        unseen = (far < 0) | torch.cat([old >= start, new < 0])[None]
        root = far.clamp(min=0).float().sqrt().masked_fill(unseen, math.inf)
        return (-self.slopes * root).reshape(self.shape.kv_groups, -1, root.shape[1])

    def _attend(
        self, layer: _Layer, x_TC: Tensor, bias: Tensor, caches: Sequence[Tensor], seen: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        groups, width, keys_width = self.shape.kv_groups, self.shape.head_dim, self.shape.key_value
        heads = self.shape.heads // groups
        keys, values = caches
        q, k, v = layer.qkv(layer.attention_norm(x_TC)).split([self.shape.query, keys_width, keys_width], -1)
        q = (q * width**-0.5).reshape(-1, groups, heads, width).permute(1, 2, 0, 3).reshape(groups, -1, width)
        k, v = (each.reshape(-1, groups, width).transpose(0, 1) for each in (k, v))
        scores = torch.cat([q @ keys.transpose(1, 2), q @ k.transpose(1, 2)], -1) + bias
        chances = scores.softmax(-1)
        y = chances[..., :seen] @ values + chances[..., seen:] @ v
        y = y.reshape(groups, heads, -1, width).permute(2, 0, 1, 3).reshape(-1, self.shape.query)
        return layer.out(y), k, v


def to_onnx(model: Step1, precision: str = "int8") -> bytes:
    """The model as ONNX bytes for `OnnxEngine`.

    fp32 keeps every weight. int8 quantises matrices by output channel and activations dynamically, and stores the
    embedding in half precision. Raises `BadInput` for another precision and `MissingPackage` without onnx.
    """
    if precision not in PRECISIONS:
        raise BadInput("precision", precision, f"is unknown; known: {', '.join(PRECISIONS)}")
    try:
        import onnx
    except ImportError:
        raise MissingPackage("onnx", "train") from None
    shape = model.shape
    graph = _Graph(copy.deepcopy(model).cpu().float().eval(), half_embedding=precision == "int8")
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
    made = onnx.load_from_string(_quantise(data) if precision == "int8" else data)
    about = {"shape": json.dumps(asdict(shape)), "precision": precision}
    onnx.helper.set_model_props(made, about)
    return bytes(made.SerializeToString())


def _quantise(data: bytes) -> bytes:
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(data)
        # Seven bits: on processors without VNNI, eight-bit signed weights overflow in 16-bit sums (ten times the
        # error), and unsigned ones, which do not, were a fifth slower.
        settings: dict[str, Any] = {"weight_type": quantization.QuantType.QInt8, "reduce_range": True}
        logging.disable(logging.WARNING)  # it warns that a preprocessing is missing, which small graphs do not need
        try:
            quantization.quantize_dynamic(before, after, op_types_to_quantize=["MatMul"], per_channel=True, **settings)
        finally:
            logging.disable(logging.NOTSET)
        return after.read_bytes()
