"""Where Kokoro's model and style vectors are: in packages, in a folder, or at a model's name on the hub (ours)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.packages import known
from roundelay.voice.packages.models_folder import fetched, joined

MAX_TOKENS, STYLE = 510, 256  # the shape of a voice: one style vector for every number of tokens
MODEL_NAMES = (
    "model.onnx",
    "kokoro-v1.0.onnx",
    "kokoro-v1.0.fp16.onnx",
    "kokoro-v1.0.int8.onnx",
    "onnx/model.onnx",
    "onnx/model_quantized.onnx",
)
HUB_MODEL = "onnx/model_quantized.onnx"  # of onnx-community's repositories; 92 MB


@dataclass(frozen=True, slots=True)
class KokoroFiles:
    """A model file, and a file of style vectors for each voice's name: float32 [510, 1, 256], or a member of an npz."""

    model: Path
    voices: Mapping[str, Path]

    def style(self, name: str) -> np.ndarray:
        """The style vectors float32 [510, 256] of a voice. Raises `BadInput` for a damaged file."""
        return _style(self.voices[name], name)


def find(model: str = "") -> KokoroFiles:
    """The files of a folder, of a name on the hub such as onnx-community/Kokoro-82M-v1.0-ONNX, or, "", of packages.

    Raises `BadInput` for a folder that is none of Kokoro's, `WeightsUnavailableError` for packages that are missing,
    of another version or damaged.
    """
    if not model:
        return _packages()
    if (folder := Path(model).expanduser()).exists():
        return _folder(folder)
    if model.count("/") == 1 and not model.startswith((".", "/", "~")):
        return _folder(_from_hub(model))
    raise BadInput("kokoro model", model, "is no folder; give one, a hub name OWNER/NAME, or nothing for the packages")


def _packages() -> KokoroFiles:
    styles = known.KOKORO_STYLES
    voices = {Path(name).stem: fetched(styles, name) for name in styles.files}
    return KokoroFiles(joined(known.KOKORO_MODEL), voices)


def _folder(folder: Path) -> KokoroFiles:
    found = [folder / name for name in MODEL_NAMES if (folder / name).is_file()] or sorted(folder.glob("*.onnx"))
    if not found:
        raise BadInput("kokoro folder", folder, f"has no model; it must hold one of {', '.join(MODEL_NAMES[:4])}")
    voices = {path.stem: path for path in sorted((folder / "voices").glob("*.bin"))}
    for pack in sorted([*folder.glob("voices*.bin"), *folder.glob("voices*.npz")]):
        voices = dict.fromkeys(_members(pack), pack) | voices
    if not voices:
        raise BadInput("kokoro folder", folder, "has no voices: voices-v1.0.bin, or a folder voices of NAME.bin files")
    return KokoroFiles(found[0], voices)


def _members(pack: Path) -> list[str]:
    try:
        with np.load(pack) as arrays:
            return list(arrays.files)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(pack, error) from None


@cache
def _style(path: Path, name: str) -> np.ndarray:
    try:
        if path.stem == name and not path.stem.startswith("voices"):
            data = np.fromfile(path, "<f4")
        else:
            with np.load(path) as arrays:
                data = arrays[name].astype(np.float32)
        style = data.reshape(-1, STYLE)[:MAX_TOKENS]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise _damaged(path, error) from None
    if len(style) < MAX_TOKENS or not np.isfinite(style).all():
        raise _damaged(path, f"{len(style)} style vectors, not {MAX_TOKENS}, or not finite")
    return style


def _damaged(path: Path, what: object) -> BadInput:
    return BadInput("kokoro voices", path, f"cannot be read ({what}); fetch the file again")


def _from_hub(name: str) -> Path:
    """The folder of a model on the hub, fetched once by the hub's own client."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingPackage("huggingface_hub", "kokoro") from None
    try:
        return Path(snapshot_download(name, allow_patterns=[HUB_MODEL, "voices/*.bin"]))
    except Exception as error:  # its errors have no root of their own: no network, no such name, no leave
        what = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise BadInput("kokoro model", name, f"cannot be fetched from the hub ({what}); give a folder") from None
