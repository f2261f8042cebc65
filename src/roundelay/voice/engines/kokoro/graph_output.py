"""An intermediate value of an ONNX graph as one more output of it, without the package onnx (ours).

Only the outermost fields of the file are read: the graph, field 7 of the model, gets an entry in its outputs, field 12
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

GRAPH_FIELD, OUTPUT_FIELD = 7, 12
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
FLOAT = 1  # TensorProto.FLOAT


def with_output(model: bytes, name: str) -> bytes:
    """The ONNX file `model` with the float value `name` as its last output. Raises `ValueError` for no ONNX file."""
    at = 0
    while at < len(model):
        key, body = _varint(model, at)
        start, end = _extent(model, body, key & 7)
        if key >> 3 == GRAPH_FIELD and key & 7 == LENGTH:
            graph = model[start:end] + _field(OUTPUT_FIELD, _value_info(name))
            return model[:at] + _field(GRAPH_FIELD, graph) + model[end:]
        at = end
    raise ValueError("the file holds no graph")


def _value_info(name: str) -> bytes:
    """ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; its elem_type = 1."""
    return _field(1, name.encode()) + _field(2, _field(1, bytes([1 << 3 | VARINT, FLOAT])))


def _extent(data: bytes, at: int, kind: int) -> tuple[int, int]:
    """The first and last byte of a field's content that begins at `at`."""
    if kind == LENGTH:
        size, at = _varint(data, at)
    elif kind == VARINT:
        size = _varint(data, at)[1] - at
    elif kind in (FIXED64, FIXED32):
        size = 8 if kind == FIXED64 else 4
    else:
        raise ValueError(f"unknown wire type {kind}")
    if at + size > len(data):
        raise ValueError("the file is truncated")
    return at, at + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where the next field begins."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("the file is truncated")


def _field(number: int, content: bytes) -> bytes:
    return _encoded(number << 3 | LENGTH) + _encoded(len(content)) + content


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
