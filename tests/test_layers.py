"""Who may import whom, read from the source by AST (the house's rules; docs/design.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import roundelay

SOURCE = Path(roundelay.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

# layer of a module by its longest matching prefix; a module may import its own layer and lower ones
LAYERS = {
    "errors": 0, "units": 0, "machine": 0, "files": 1, "console": 1, "shape": 1, "config": 2,
    "voice.audio": 3, "voice.vocab": 3, "voice.tokens": 3, "fabric": 3,
    "voice.tokenizer": 4, "voice.lm": 4, "voice.decoder": 4, "voice.control": 4, "voice.voices": 4, "voice.weights": 4,
    "voice.graphs": 4,
    "voice.realtime": 5, "voice.data": 6, "voice.eval": 6, "voice": 6, "train": 7, "server": 7, "cli": 8,
}  # fmt: skip
BOTH_HALVES = ("train", "server", "cli")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def layer(module: str) -> int:
    parts = module.split(".")
    for size in range(len(parts), 0, -1):
        prefix = ".".join(parts[:size])
        if prefix in LAYERS:
            return LAYERS[prefix]
    raise AssertionError(f"{module} stands in no room of the house")


def imports(tree: ast.AST, nodes: Iterator[ast.AST] | None = None) -> Iterator[str]:
    for node in nodes or ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            yield node.module
            if node.module.startswith("roundelay"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner(name: str) -> str | None:
    """Return the module inside roundelay that an import names, or None."""
    relative = name.removeprefix("roundelay.")
    if relative == name:
        return None
    path = SOURCE.joinpath(*relative.split("."))
    return relative if path.with_suffix(".py").exists() or path.is_dir() else None


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_only_lower_layers(path: Path) -> None:
    here = module_name(path)
    if not here:
        assert path.read_text() == ""
        return
    if path.name == "__init__.py":
        assert path.read_text() == "", "an __init__.py is empty"
        return
    for name in imports(ast.parse(path.read_text())):
        other = inner(name)
        if other is None or other == here:
            continue
        assert layer(other) <= layer(here), f"{here} imports {other}, which stands above it"
        halves = {here.split(".")[0], other.split(".")[0]}
        assert halves != {"voice", "fabric"}, f"{here} imports {other}: the halves meet only in {BOTH_HALVES}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_torch_belongs_to_train(path: Path) -> None:
    here = module_name(path)
    if here.startswith(("train", "voice.lm")):
        return
    used = {name.split(".")[0] for name in imports(ast.parse(path.read_text()))}
    assert not used & {"torch", "torchaudio"}, f"{here} imports torch"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_and_functions_fit_in_a_head(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400, f"{path} has over 400 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 70, f"{path}:{node.name} has {length} lines"
