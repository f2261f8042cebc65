"""The rooms of the project, from the ground up, and how to read their imports by AST (docs/design.md draws them).

A room is a package, or a module that stands alone beside packages. A room imports itself and rooms of lower levels
only, so that there is no two-way street between rooms, and no circle.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import roundelay

SOURCE = Path(roundelay.__file__).parent

# from the ground up; rooms of one level do not import one another
LEVELS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("machine", "files", "console", "record"),
    ("shape", "config", "voice.stream", "voice.riff", "voice.mp3", "fabric.reading"),
    ("voice.media", "voice.media_writer", "voice.sndfile"),
    ("voice.audio_file",),
    ("voice.audio", "voice.resample", "voice.vocab", "fabric.topology", "fabric.job"),
    ("voice.graphs", "voice.tokens", "voice.packages", "fabric.specs"),
    ("voice.voices", "voice.style", "voice.vad", "fabric.faults", "fabric.inventory"),
    ("voice.interfaces", "voice.pieces", "voice.tempo", "fabric.waste"),
    ("voice.tokenizer", "fabric.steptime"),
    ("voice.decoder", "voice.text", "fabric.placement"),
    ("voice.lm", "voice.nlu", "fabric.cost"),
    ("voice.engines.nano", "voice.engines.whisper", "fabric.goodput"),
    ("voice.engines", "fabric.control"),
    ("voice.pipeline", "fabric.emit"),
    ("voice.realtime.core", "voice.inventory", "voice.capacity", "fabric.pages", "fabric.face"),
    ("voice.agent",),
    ("voice.realtime",),
    ("voice.eval",),
    ("voice.data", "train.distributed", "train.recipe"),
    (
        "voice.suites",
        "train.metrics",
        "train.loss_curves",
    ),  # eval measures what it is given, data uses it; suites give the sets to tasks
    ("train.checkpoint",),
    ("train.loop",),
    ("train.stage", "server.errors"),
    ("train.codec", "server.limits", "server.metrics", "server.hosts", "server.tls"),
    ("train.lm", "server.audio", "server.engine", "server.calculator"),
    ("server.names",),
    ("server.service",),
    ("server.http",),
    ("server.realtime", "server.wyoming"),
    ("server.openapi",),  # of the HTTP routes and the calls of server.realtime
    ("server.app", "server.terminal"),
    ("server.run",),
    ("server.bench",),
    ("server.engine_flags", "server.name_flags"),
    ("server.verbs", "train.verbs", "voice.cli", "fabric.cli"),
    ("cli",),
    ("__main__",),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}


def modules(source: Path = SOURCE) -> dict[str, Path]:
    """Every module of the package by its dotted name below `roundelay`; a package's own file by the package's name."""
    return {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(source.rglob("*.py"))
        if path != source / "__init__.py"
    }


def room(module: str) -> str:
    """The room a module stands in: the longest name in LEVELS that leads to it."""
    parts = module.split(".")
    for size in range(len(parts), 0, -1):
        if (name := ".".join(parts[:size])) in LEVEL:
            return name
    raise AssertionError(f"{module} stands in no room; give it one in tests/layers.py")


def names_imported(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that an import statement in the tree may mean."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(source: Path = SOURCE) -> Iterator[tuple[str, str]]:
    """Every import between two modules of the package, (importer, imported), lazy ones included."""
    known = modules(source)
    for here, path in known.items():
        inner = {name.removeprefix("roundelay.") for name in names_imported(ast.parse(path.read_text()))}
        for other in sorted(inner & known.keys() - {here}):
            if known[other].name != "__init__.py":
                yield here, other
