"""docs/design.md is what the source says, and the figures in it are counted right."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
MAKER = REPOSITORY / "docs" / "make_design.py"


@pytest.fixture(scope="module")
def design() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_design", MAKER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_design"] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_source_says(design: ModuleType) -> None:
    """All but the table of lengths, which any line of code changes and a release renews."""
    made = subprocess.run([sys.executable, MAKER, "--print"], capture_output=True, text=True, check=True).stdout
    page = (REPOSITORY / "docs" / "design.md").read_text()
    assert made.split(design.SIZES)[0] == page.split(design.SIZES)[0], "run `make docs`"


def test_boxes_floors_and_arrows_are_counted_by_folder(design: ModuleType) -> None:
    imports = [("a.x", "a.y"), ("a.y", "b"), ("a.x", "a.z.deep"), ("b", "c"), ("a.z.deep", "a.y")]
    modules = ["a.x", "a.y", "a.z.deep", "b", "c"]
    whole, inner = (design.Folder.of(name, modules, imports) for name in ("", "a"))
    assert whole.figures() == (3, 3, 2) and whole.floors() == [["c"], ["b"], ["a"]]
    assert inner.figures() == (3, 3, 3) and inner.floors() == [["y"], ["z"], ["x"]]
    assert inner.reduced() == [("x", "z"), ("z", "y")], "x -> y follows from the others"


def test_a_circle_is_one_floor_and_a_two_way_street(design: ModuleType) -> None:
    folder = design.Folder.of("", ["a", "b", "c"], [("a", "b"), ("b", "a"), ("b", "c")])
    assert folder.floors() == [["c"], ["a", "b"]]
    assert folder.streets() == [("a", "b")]


def test_no_folder_has_a_circle_of_files(design: ModuleType) -> None:
    """Rooms are held apart by test_layers; inside a room, too, imports go one way."""
    tree = design.Tree.read(design.layers.SOURCE)
    reach = design.Folder(tuple(tree.modules), frozenset(tree.imports)).reach()
    assert not sorted(name for name in tree.modules if name in reach[name])
