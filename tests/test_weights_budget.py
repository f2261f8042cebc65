"""One set of weights in the tree, within its budget, every file accounted for (docs/decisions/0014-weights.md)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
WEIGHTS = REPOSITORY / "src/roundelay/voice/weights"
SET_BYTES, FILE_BYTES = 60_000_000, 16_000_000
KINDS = {".onnx", ".npz", ".npy", ".bin", ".pt", ".pth", ".ckpt", ".safetensors", ".gguf", ".pkl"}
BESIDES = {"manifest.json", "MODEL_CARD.md", "__init__.py"}
LARGE = 1_000_000  # bytes that no other tracked file has


def tracked() -> list[Path]:
    """Return every file under version control; skips where this is no clone."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a clone: what is tracked cannot be asked")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := REPOSITORY / name).is_file()]


def test_the_set_and_each_of_its_files_keep_their_budget() -> None:
    sizes = {path: path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()}
    assert sum(sizes.values()) <= SET_BYTES, f"the set has {sum(sizes.values()):,} bytes"
    assert not [path.name for path, size in sizes.items() if size > FILE_BYTES]


def test_each_file_of_the_set_is_in_its_manifest_with_its_size() -> None:
    for folder in (WEIGHTS, WEIGHTS / "lm"):
        entries = json.loads((folder / "manifest.json").read_text())["files"]
        files = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
        assert {name: size for name, size in files.items() if name not in BESIDES} == {
            name: entry["bytes"] for name, entry in entries.items()
        }


def test_no_weights_or_large_files_are_tracked_elsewhere() -> None:
    for path in tracked():
        if not path.is_relative_to(WEIGHTS):
            assert path.suffix not in KINDS, f"{path} belongs into the set or outside the tree"
            assert path.stat().st_size < LARGE, f"{path} is large: {path.stat().st_size:,} bytes"
