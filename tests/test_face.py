"""The public interface: every name resolves, is typed, and costs nothing until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import roundelay

REPOSITORY = Path(__file__).resolve().parents[1]
FACE = REPOSITORY / "src/roundelay/__init__.py"
HEAVY = {"numpy", "torch", "onnxruntime", "numba", "starlette", "click", "rich", "matplotlib", "soundfile", "yaml"}


def fresh(code: str) -> list[str]:
    """Return the words that the code prints in a new interpreter."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.split()


def test_importing_roundelay_imports_nothing_heavy() -> None:
    modules = fresh("import roundelay, sys; print(*sys.modules)")
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert [name for name in modules if name.startswith("roundelay")] == ["roundelay"]


@pytest.mark.parametrize("name", roundelay.__all__)
def test_a_public_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(roundelay, name)
    if name != "__version__":
        assert value.__doc__, f"{name} has no docstring"
        assert value.__module__.startswith("roundelay."), value.__module__


def test_no_public_name_imports_torch() -> None:
    """torch belongs to training and to one engine; the interface never needs it."""
    modules = fresh("import roundelay, sys; [getattr(roundelay, n) for n in roundelay.__all__]; print(*sys.modules)")
    assert "torch" not in modules


def test_dir_lists_the_public_names_alone() -> None:
    assert dir(roundelay) == sorted(roundelay.__all__)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Audi'.*Audio"):
        roundelay.Audi  # noqa: B018


def test_type_checkers_see_what_the_interpreter_sees() -> None:
    """The imports under TYPE_CHECKING and the table of lazy ones name the same things."""
    block = next(node for node in ast.parse(FACE.read_text()).body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == roundelay._MODULES
    assert sorted(roundelay.__all__) == sorted([*typed, "__version__"])
    assert (FACE.parent / "py.typed").exists()


def test_the_version_has_one_place() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert REPOSITORY / project["tool"]["hatch"]["version"]["path"] == FACE


@pytest.mark.parametrize("verb", ["--version", "--help"])
def test_the_command_line_is_a_module_too(verb: str) -> None:
    done = subprocess.run([sys.executable, "-m", "roundelay", verb], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (roundelay.__version__ if verb == "--version" else "Usage: roundelay") in done.stdout
