"""Checkpoints: safetensors under the official names, one file or several with an index; nothing is unpickled."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from roundelay.errors import BadInput, MissingPackage
from roundelay.files import replacing
from roundelay.shape import Shape
from roundelay.voice.lm.model import Step1, slopes

INDEX = "model.safetensors.index.json"


def save(model: Step1, path: Path | str, *, force: bool = False) -> None:
    """Write the weights to one safetensors file, whole or not at all, with the shape in its metadata."""
    library = _safetensors()
    weights = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(path, force=force) as temporary:
        library.torch.save_file(weights, temporary, {"format": "pt", "shape": json.dumps(asdict(model.shape))})


def load(path: Path | str, shape: Shape | None = None, *, device: str = "cpu", dtype: Any = None) -> Step1:
    """The model of a file, or of a folder that holds one file or an index of several.

    Without `shape`, the one in the file's metadata is taken. `dtype` converts; default is the file's own. Raises
    `BadInput` for a file that is damaged, lacks a tensor, has one too many or one of another shape.
    """
    files = _files(Path(path))
    shape = shape or _shape_of(files[0])
    with torch.device("meta"):
        model = Step1(shape)
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    weights: dict[str, torch.Tensor] = {}
    for file in files:
        weights |= _read(file, expected, device, dtype)
    missing = [name for name in expected if name not in weights]
    if missing:
        raise BadInput("checkpoint", path, f"lacks {missing[0]} ({len(missing)} missing); it is of another shape")
    model.load_state_dict(weights, assign=True)
    model.slopes_H = torch.tensor(slopes(shape.heads), device=device)
    return model.eval().requires_grad_(False)


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.torch
    except ImportError:
        raise MissingPackage("safetensors", "train") from None
    return safetensors


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if (path / INDEX).is_file():
        try:
            names = json.loads((path / INDEX).read_text(encoding="utf-8"))["weight_map"].values()
        except (ValueError, KeyError, AttributeError):
            raise BadInput("checkpoint index", path / INDEX, "is damaged; fetch it again") from None
        return [path / name for name in sorted(set(names))]
    found = sorted(path.glob("*.safetensors"))
    if not found:
        raise BadInput("checkpoint", path, "is no safetensors file, nor a folder that holds one")
    return found


def _open(path: Path, device: str) -> Any:
    library = _safetensors()
    try:
        return library.safe_open(path, framework="pt", device=device)
    except FileNotFoundError:
        raise BadInput("checkpoint", path, "is missing") from None
    except (OSError, library.SafetensorError):
        raise BadInput("checkpoint", path, "is damaged or no safetensors file; fetch it again") from None


def _shape_of(path: Path) -> Shape:
    with _open(path, "cpu") as file:
        text = (file.metadata() or {}).get("shape")
    if text is None:
        raise BadInput("checkpoint", path, "does not say its shape; name a config")
    try:
        return Shape.from_table(json.loads(text), path)
    except ValueError:
        raise BadInput("checkpoint", path, "has damaged metadata; name a config") from None


def _read(path: Path, expected: dict[str, tuple[int, ...]], device: str, dtype: Any) -> dict[str, torch.Tensor]:
    weights = {}
    with _open(path, device) as file:
        for name in file.keys():  # noqa: SIM118  # the reader is no mapping
            if name not in expected:
                raise BadInput("checkpoint", path, f"holds {name}, which this shape has not; name its own config")
            found = tuple(file.get_slice(name).get_shape())
            if found != expected[name]:
                raise BadInput("checkpoint", path, f"is of another shape: {name} is {found}, not {expected[name]}")
            weights[name] = file.get_tensor(name).to(dtype) if dtype else file.get_tensor(name)
    return weights
