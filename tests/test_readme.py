"""The README's commands run as they stand, its lines of Python print what it says, its links lead somewhere."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

import roundelay as package

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
COMMANDS = re.findall(r"^\.venv/bin/roundelay ([^#\n]+)", README, flags=re.MULTILINE)
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_readmes_commands_run_in_their_order(roundelay, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) >= 5
    for command in COMMANDS:
        outcome = roundelay(*shlex.split(command))
        assert outcome.code == 0, f"{command}: {outcome.err}"


def test_the_readmes_python_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="the voice's packages are not installed (extra voice)")
    monkeypatch.chdir(tmp_path)
    printed: list[str] = []
    assert len(PYTHON) == 1
    test = doctest.DocTestParser().get_doctest(PYTHON[0], {}, "README.md", "README.md", 0)
    outcome = doctest.DocTestRunner().run(test, out=printed.append)
    assert outcome.attempted >= 12 and outcome.failed == 0, "".join(printed)


def test_the_readme_uses_the_public_interface_alone() -> None:
    names = re.search(r"from roundelay import (.+)", PYTHON[0])
    assert names and set(names[1].split(", ")) <= set(package.__all__)
    assert PYTHON[0].count("import ") == 1


def test_the_readmes_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (REPOSITORY / target).exists(), target


def test_the_readmes_tree_names_every_room() -> None:
    """Every package of the first two levels stands in the tree of files, and the tree names no other."""
    tree = README.split("```text\nsrc/roundelay/\n")[1].split("```")[0].split("examples/")[0]
    named = set(re.findall(r"\b([a-z]+)/", tree))
    source = REPOSITORY / "src" / "roundelay"
    rooms = {path.parent.name for path in [*source.glob("*/__init__.py"), *source.glob("*/*/__init__.py")]}
    halves = {path.parent.name for half in ("voice", "fabric") for path in (source / half).glob("*/__init__.py")}
    quiet = {"cli", "specs", "weights", "agent"}  # verbs and data
    assert halves - quiet <= named, f"the tree lacks {halves - quiet - named}"
    assert named <= rooms | {"core"}, f"the tree names {named - rooms}"
