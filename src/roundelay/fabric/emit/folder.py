"""A folder of files written whole or not at all, which knows itself again by its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput, WouldOverwrite

MANIFEST = "roundelay-emit.json"
FORMAT = "roundelay-emit"


def is_ours(folder: Path) -> bool:
    """Return whether the folder holds what its manifest lists, unchanged, and nothing else."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        listed = dict(manifest["files"]) if manifest["format"] == FORMAT else {}
        found = {path.name: path for path in folder.iterdir() if path.name != MANIFEST}
        return (
            bool(listed)
            and found.keys() == listed.keys()
            and all(path.is_file() and _digest(path.read_bytes()) == listed[name] for name, path in found.items())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_free(folder: Path, *, force: bool = False) -> None:
    """Raise where `folder` may not be written: a file stands there, or a folder that is not ours without `force`."""
    if folder.is_symlink():
        raise BadInput("--out", folder, "is a link, which would be lost; name the folder itself")
    if folder.exists() and not folder.is_dir():
        raise BadInput("--out", folder, "is a file; name a folder")
    here = Path.cwd().resolve()
    resolved = folder.resolve()
    if resolved == here or resolved in here.parents:
        raise BadInput("--out", folder, "is the folder you stand in or above it; name one of its own")
    if folder.is_dir() and any(folder.iterdir()) and not force and not is_ours(folder):
        raise WouldOverwrite(folder)


def write(folder: Path, files: Mapping[str, str], about: Mapping[str, Any], *, force: bool = False) -> list[Path]:
    """Write `files` and a manifest to `folder`, replacing it as one; return the paths. Raises as `check_free` does.

    The new folder is made beside the old one and takes its place by renames; the old one goes last.
    """
    check_free(folder, force=force)
    digests = {name: _digest(text.encode()) for name, text in sorted(files.items())}
    manifest = json.dumps({"format": FORMAT, **about, "files": digests}, indent=1, sort_keys=True) + "\n"
    new = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        for name, text in {**files, MANIFEST: manifest}.items():
            path = new / name
            path.write_text(text, encoding="utf-8", newline="\n")
            path.chmod(0o755 if name.endswith(".sh") else 0o644)
        new.chmod(0o755)
        _swap(new, folder)
    except OSError as error:
        raise BadInput("--out", folder, f"cannot be written ({error.strerror or error}); name another") from None
    finally:
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)
    return [folder / name for name in sorted(files)]


def _swap(new: Path, folder: Path) -> None:
    """Put `new` where `folder` is. A full folder cannot be renamed over, so the old one steps aside."""
    if not folder.exists():
        os.rename(new, folder)
        return
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
    try:
        os.rename(folder, aside)
    except OSError:
        aside.rmdir()
        raise
    try:
        os.rename(new, folder)
    except OSError:
        os.rename(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
