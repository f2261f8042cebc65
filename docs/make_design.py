"""Write docs/design.md from the source: rooms, levels, arrows, files; before and after. `make docs`, or --print."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median, quantiles

HERE = Path(__file__).resolve()
PAGE = HERE.with_name("design.md")
REPOSITORY = HERE.parents[1]
SIZES = "## Sizes"  # what stands below changes with every line of code; a test compares only what stands above

spec = importlib.util.spec_from_file_location("layers", REPOSITORY / "tests" / "layers.py")
assert spec is not None and spec.loader is not None
layers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(layers)

INTRODUCTION = """# Design

Made from the source by `make docs` (`docs/make_design.py`); do not edit.

Both halves have one form: **a pure plan and a thin shell that carries it out**. A reply is planned from what was heard, a placement
from which nodes are alive; threads, sockets and files stand outside. `voice` and `fabric` never import each other; `train`, `server`
and the command line see both. torch belongs to `train` and to one engine (`voice/lm`). A *room* is a package, or a module that stands
alone beside packages. It imports only rooms of lower levels, so there is no two-way street and no circle between rooms.
`tests/test_layers.py` holds all of this, and the length of files and functions.
"""
# the folders drawn one by one, outermost first
FOLDERS = ("", "voice", "voice.engines.nano", "voice.realtime", "voice.realtime.core", "fabric", "train", "server",
           "server.http", "server.realtime")  # fmt: skip
# the tag v0.1.0, counted by `make_design.py --figures FOLDER`: boxes, floors, arrows; a folder by its name there
BEFORE: dict[str, tuple[int, int, int]] = {
    "": (10, 4, 23), "fabric": (53, 13, 175), "fabric.emit": (15, 7, 38), "server": (28, 11, 110),
    "server.realtime": (13, 8, 26), "train": (5, 4, 7), "train.codec": (16, 6, 41), "train.lm": (7, 4, 12),
    "voice": (16, 7, 49), "voice.data": (20, 7, 35), "voice.decoder": (6, 3, 4), "voice.eval": (4, 1, 0),
    "voice.lm": (22, 5, 27), "voice.lm.domain": (11, 4, 14), "voice.realtime": (21, 9, 58),
    "voice.tokenizer": (5, 2, 3),
}  # fmt: skip
BEFORE_SIZES = {
    "files of src": (237, 109, 237, 387), "functions of src": (2030, 6, 20, 64),
    "files of src and results": (261, 105, 236, 387), "functions of src and results": (2149, 7, 21, 67),
}  # fmt: skip
BEFORE_STREETS = 4


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as a picture: its direct children as boxes, the imports between them as arrows."""

    boxes: tuple[str, ...]
    arrows: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, name: str, modules: Iterable[str], imports: Iterable[tuple[str, str]]) -> Folder:
        """Return the folder `name` ("" is the package itself) of a source tree."""
        inside = f"{name}." if name else ""

        def child(module: str) -> str | None:
            return module.removeprefix(inside).partition(".")[0] if module.startswith(inside) else None

        pairs = {(child(a), child(b)) for a, b in imports}
        arrows = frozenset((a, b) for a, b in pairs if a and b and a != b)
        return cls(tuple(sorted({box for module in modules if (box := child(module))})), arrows)

    def reach(self) -> dict[str, set[str]]:
        """Return what each box imports, directly or through others."""
        out = {box: {b for a, b in self.arrows if a == box} for box in self.boxes}
        for middle in self.boxes:
            for box in self.boxes:
                if middle in out[box]:
                    out[box] |= out[middle]
        return out

    def floors(self) -> list[list[str]]:
        """Return the boxes from the ground up; boxes that import each other in a circle share a floor."""
        reach = self.reach()
        below = {box: {b for b in reach[box] if box not in reach[b]} for box in self.boxes}

        @cache
        def floor(box: str) -> int:
            """A circle counts as one box: what any of it imports lies below all of it."""
            return max((1 + floor(b) for b in below[box]), default=0)

        out: list[list[str]] = [[] for _ in range(1 + max(map(floor, self.boxes), default=-1))]
        for box in self.boxes:
            out[floor(box)].append(box)
        return out

    def streets(self) -> list[tuple[str, str]]:
        """Return the pairs of boxes that import each other."""
        return sorted((a, b) for a, b in self.arrows if a < b and (b, a) in self.arrows)

    def reduced(self) -> list[tuple[str, str]]:
        """Return the arrows that no path of others implies, for a picture that can be read."""
        reach = self.reach()
        return sorted((a, b) for a, b in self.arrows if not any(b in reach[c] for x, c in self.arrows if x == a != c))

    def figures(self) -> tuple[int, int, int]:
        """Return boxes, floors, arrows."""
        return len(self.boxes), len(self.floors()), len(self.arrows)


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree: its modules by dotted name, and the imports between them."""

    modules: dict[str, Path]
    imports: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, source: Path) -> Tree:
        modules = {name: path for name, path in layers.modules(source).items() if path.name != "__init__.py"}
        return cls(modules, tuple(layers.arrows(source)))

    def folder(self, name: str) -> Folder:
        return Folder.of(name, self.modules, self.imports)

    def folders(self) -> list[str]:
        """Return the name of every folder with Python in it, "" first."""
        parents = {"", *(name.rpartition(".")[0] for name in self.modules)}
        return sorted(parents | {folder.rpartition(".")[0] for folder in parents})

    def streets(self) -> list[str]:
        """Return every pair of children of one folder that import each other."""
        return [
            f"{name or 'roundelay'}: {a} <-> {b}" for name in self.folders() for a, b in self.folder(name).streets()
        ]


def lengths(paths: Iterable[Path]) -> dict[str, tuple[int, ...]]:
    """Return for files and functions how many there are, and the median, p90 and longest of their lines."""
    texts = [path.read_text() for path in paths]
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    functions = [
        (node.end_lineno or 0) - node.lineno + 1
        for text in texts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, kinds)
    ]
    return {"files": spread([text.count("\n") for text in texts]), "functions": spread(functions)}


def spread(lengths: Sequence[int]) -> tuple[int, int, int, int]:
    """Return how many there are, and the median, the ninetieth percentile and the greatest of their lengths."""
    return len(lengths), round(median(lengths)), round(quantiles(lengths, n=10, method="inclusive")[-1]), max(lengths)


def told(path: Path) -> str:
    """Return the first line of a module's docstring, without its full stop."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0].rstrip(".").replace("|", "\\|")


def picture(folder: Folder) -> Iterator[str]:
    """Yield a Mermaid drawing: importers above what they import, arrows that others imply left out."""
    yield from ("```mermaid", "flowchart TD")
    for box in folder.boxes:
        yield f"    {box.strip('_')}[{box}]"
    for a, b in folder.reduced():
        yield f"    {a.strip('_')} --> {b.strip('_')}"
    yield "```"


def chapter(tree: Tree, name: str) -> Iterator[str]:
    """Yield a folder's chapter: its figures, its picture, its floors."""
    folder = tree.folder(name)
    boxes, floors, arrows = folder.figures()
    yield from (f"## {name or 'roundelay'}", "", f"{boxes} boxes, {floors} floors, {arrows} arrows.", "")
    yield from (*picture(folder), "", "| floor | from the ground up |", "|---|---|")
    yield from (f"| {i} | {' '.join(boxes)} |" for i, boxes in enumerate(folder.floors()))
    yield ""


def levels() -> Iterator[str]:
    """Yield the levels that the layer test holds, from the ground up."""
    yield from ("## Levels", "", "From the ground up; rooms of one level do not import one another.", "", "```text")
    yield from (f"{level:2}  {'  '.join(rooms)}" for level, rooms in enumerate(layers.LEVELS))
    yield from ("```", "")


def files(tree: Tree) -> Iterator[str]:
    """Yield a table of every file by its room, with the first line of its docstring."""
    yield from ("## Files", "")
    last = None
    for name, path in sorted(tree.modules.items(), key=lambda item: (item[0].rpartition(".")[0], item[0])):
        room, _, leaf = name.rpartition(".")
        if room != last:
            yield from ("", f"### {room.replace('.', '/') or 'roundelay'}", "", "| file | what it is |", "|---|---|")
            last = room
        yield f"| `{leaf}.py` | {told(path)} |"
    yield ""


def compared(tree: Tree) -> Iterator[str]:
    """Yield the table of before and after: boxes, floors, arrows of each folder."""
    yield from ("## Before and after", "")
    yield "A folder's direct children are boxes, the imports between them arrows; floors is the longest way down. Before is the tag v0.1.0."
    yield from ("", "| folder | boxes | floors | arrows |", "|---|---|---|---|")
    now = {name: tree.folder(name).figures() for name in tree.folders()}
    for name in sorted(BEFORE.keys() | now.keys()):
        before, after = BEFORE.get(name, ("–",) * 3), now.get(name, ("–",) * 3)
        if max(x for x in (*before, *after) if isinstance(x, int)) > 3:
            cells = (f"{b} → {a}" if b != a else f"{b}" for b, a in zip(before, after, strict=True))
            yield f"| {name.replace('.', '/') or 'roundelay'} | {' | '.join(cells)} |"
    streets = tree.streets()
    yield from ("", f"Two-way streets between children of one folder: {BEFORE_STREETS} → {len(streets)}"
                    + (f" ({', '.join(streets)})" if streets else "") + ".", "")  # fmt: skip


def sizes(source: Path) -> dict[str, tuple[int, ...]]:
    """Return the lengths in a source tree, and with them those of the repository's `results`."""
    inside = [path for path in source.rglob("*.py") if path.name != "__init__.py"]
    outside = list((source.parents[1] / "results").rglob("*.py"))
    both = {f"{kind} of src and results": value for kind, value in lengths(inside + outside).items()}
    return {f"{kind} of src": value for kind, value in lengths(inside).items()} | both


def sizes_table() -> Iterator[str]:
    """Yield the table of lengths, before and after."""
    yield from (
        SIZES,
        "",
        "In lines, at v0.1.0 and when this page was made. v0.1.0 kept 2,600 lines of evaluation in `results/`; most of",
    )
    yield from (
        "them are in `voice/eval` and `voice/suites` now.",
        "",
        "| | number | median | p90 | longest |",
        "|---|---|---|---|---|",
    )
    for kind, after in sizes(layers.SOURCE).items():
        cells = (f"{b:,} → {a:,}" for b, a in zip(BEFORE_SIZES[kind], after, strict=True))
        yield f"| {kind} | {' | '.join(cells)} |"


def page(tree: Tree) -> str:
    """Return the page."""
    parts = [INTRODUCTION, *levels()]
    for name in FOLDERS:
        parts += chapter(tree, name)
    return "\n".join([*parts, *compared(tree), *files(tree), *sizes_table()]) + "\n"


def main() -> None:
    if "--figures" in sys.argv:  # of another tree: how the figures above were counted
        tree = Tree.read(Path(sys.argv[-1]))
        print({name: tree.folder(name).figures() for name in tree.folders()})
        print(sizes(Path(sys.argv[-1])), len(tree.streets()), tree.streets())
        return
    text = page(Tree.read(layers.SOURCE))
    if "--print" in sys.argv:
        sys.stdout.write(text)
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
