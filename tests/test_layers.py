"""Who may import whom, what stays pure, and how long files may be: read from the source by AST (docs/design.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from layers import LEVEL, SOURCE, arrows, modules, names_imported, room

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = modules()
BOTH_HALVES = ("train", "server", "cli")
# a core takes events and gives actions: time is a field of an event
PURE = ("voice.realtime.core", "fabric.control.core", "machine")
IMPURE = {"time", "threading", "asyncio", "socket", "select", "selectors", "concurrent", "multiprocessing", "queue",
          "subprocess", "random", "secrets", "os", "signal", "ssl", "http", "urllib", "datetime"}  # fmt: skip


def test_every_module_stands_in_a_room() -> None:
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            assert path.read_text() == "", f"{path} is not empty: only roundelay itself has a face"
        else:
            room(name)


@pytest.mark.parametrize("here", sorted({room(name) for name, path in MODULES.items() if path.name != "__init__.py"}))
def test_a_room_imports_only_lower_rooms(here: str) -> None:
    wrong = sorted(
        f"{importer} imports {imported}"
        for importer, imported in arrows()
        if room(importer) == here != room(imported) and LEVEL[room(imported)] >= LEVEL[here]
    )
    assert not wrong, f"these rooms do not stand below {here}: " + "; ".join(wrong)


def test_the_halves_meet_only_in_train_server_and_cli() -> None:
    for importer, imported in arrows():
        halves = {importer.split(".")[0], imported.split(".")[0]}
        assert halves != {"voice", "fabric"}, f"{importer} imports {imported}: the halves meet only in {BOTH_HALVES}"


@pytest.mark.parametrize("name", MODULES)
def test_torch_belongs_to_train_and_its_engine(name: str) -> None:
    if name.startswith(("train", "voice.lm")):
        return
    used = {name.split(".")[0] for name in names_imported(ast.parse(MODULES[name].read_text()))}
    assert not used & {"torch", "torchaudio"}, f"{name} imports torch"


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith(PURE)])
def test_a_core_has_no_clock_thread_or_socket(name: str) -> None:
    used = {each.split(".")[0] for each in names_imported(ast.parse(MODULES[name].read_text()))}
    assert not used & IMPURE, f"{name} imports {sorted(used & IMPURE)}"


def own_files() -> list[Path]:
    """Source, tests, scripts: everything that is Python and ours."""
    rooms = ("tests", "results", "benchmarks", "docs", "examples")
    return sorted(SOURCE.rglob("*.py")) + sorted(path for each in rooms for path in (REPOSITORY / each).rglob("*.py"))


@pytest.mark.parametrize("path", own_files(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_and_functions_have_a_bounded_length(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400, f"{path} has over 400 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 70, f"{path}:{node.name} has {length} lines"
