"""Write the API reference from the docstrings: `make docs`, or python docs/make_api.py [FOLDER]; needs pdoc.

`roundelay` is the public interface; the modules beside it are what an integrator meets: the protocols of engines, the
conversation's events and actions, the fabric's nouns and questions. The command line is in docs/cli.md.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path

import roundelay

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = Path(roundelay.__file__).parent
# modules, or packages with all that is in them
REFERENCE = (
    "errors", "machine", "shape",
    "voice.audio", "voice.voices", "voice.style", "voice.interfaces", "voice.pipeline", "voice.engines.registry",
    "voice.engines.guard", "voice.realtime.conversation", "voice.realtime.core", "voice.eval",
    "fabric.face", "fabric.control.core", "fabric.topology", "fabric.job", "fabric.faults", "fabric.waste", "fabric.placement", "fabric.steptime",
    "fabric.cost", "fabric.goodput", "fabric.emit.targets",
)  # fmt: skip


def names() -> list[str]:
    """Return the modules of the reference by their dotted names, the public interface first."""
    known = [
        ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for path in sorted(SOURCE.rglob("*.py"))
        if path.name != "__init__.py"
    ]
    out = ["roundelay"]
    for each in REFERENCE:
        found = [f"roundelay.{name}" for name in known if f"{name}.".startswith(f"{each}.")]
        if not found:
            sys.exit(f"error: REFERENCE names {each}, which does not exist: correct docs/make_api.py")
        out += found
    return out


def main() -> None:
    if importlib.util.find_spec("pdoc") is None:
        sys.exit("error: the API reference needs pdoc: pip install -e '.[dev]'")
    import pdoc

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "out" / "api"
    warnings.simplefilter("error", UserWarning)  # a name or an annotation that pdoc cannot resolve
    pdoc.render.configure(footer_text=f"Roundelay {roundelay.__version__}", show_source=False)
    pdoc.pdoc(*names(), output_directory=folder)
    print(f"wrote {folder}")


if __name__ == "__main__":
    main()
