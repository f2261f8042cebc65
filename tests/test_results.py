"""The scripts of results/ only call the library: evaluation is importable and tested, not written twice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

RESULTS = Path(__file__).resolve().parents[1] / "results"
SCRIPTS = sorted(RESULTS.rglob("*.py"))
MAX_LINES = 40


def faults(path: Path) -> list[str]:
    """What a script does that the library should do."""
    text = path.read_text(encoding="utf-8")
    defined = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    long = [f"has over {MAX_LINES} lines"] if text.count("\n") > MAX_LINES else []
    return long + [f"defines {name}" for name in defined]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(RESULTS)))
def test_a_script_is_short_and_defines_nothing(path: Path) -> None:
    found = faults(path)
    assert not found, f"{path} {'; '.join(found)}: move that to the library"


def test_every_run_stands_beside_its_page() -> None:
    runs = [path for path in SCRIPTS if path.name == "run.py"]
    assert len(runs) >= 12 and all((path.parent / "README.md").is_file() for path in runs)
