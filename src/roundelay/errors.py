"""The errors a caller can catch.

    RoundelayError          anything Roundelay raises on purpose; printed as one line, exit code 2
    ├── BadInput            a value the user gave cannot be used: what, the value, what to do
    │   └── MissingCapability   an engine cannot do what is asked; names the engines that can
    ├── EngineError         an engine failed: it raised, gave nothing, gave what is no answer, or hung
    ├── MissingPackage      an extra is not installed; names the command that installs it
    ├── WouldOverwrite      a file in the way was not made by Roundelay, or --force was not given
    └── IllegalEvent        an event that a machine cannot take now, and which changed nothing (machine.py)

A traceback is a bug of ours, never the user's.
"""

from __future__ import annotations

from collections.abc import Sequence


class RoundelayError(Exception):
    """The root of the tree; `str(error)` is the one line a user reads."""

    exit_code = 2


class BadInput(RoundelayError):
    """A value that cannot be used: `what` it is, the `value` itself, and what to `do` about it."""

    def __init__(self, what: str, value: object, do: str) -> None:
        shown = str(value)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        self.what, self.value, self.do = what, value, do
        super().__init__(" ".join(f"{what} {shown}: {do}".split()))


class MissingCapability(BadInput):
    """An engine was asked for a `capability` that it does not have; `engines` are the names of those that have it."""

    def __init__(self, engine: str, capability: str, engines: Sequence[str]) -> None:
        self.engine, self.capability, self.engines = engine, capability, tuple(engines)
        known = f"engines that can: {', '.join(engines)}" if engines else "no engine installed here can"
        super().__init__(capability, f"by the engine {engine}", f"it cannot do this; {known}")


class EngineError(RoundelayError):
    """An engine failed in a role ("transcriber", "responder", "synthesizer", "end_of_turn").

    `fault` says how: "raised", "nothing" (no answer came), "invalid" (what came is no answer), "hang", "busy", or
    "load". The session that called it goes on.
    """

    def __init__(self, engine: str, role: str, what: str, fault: str = "raised") -> None:
        self.engine, self.role, self.fault = engine, role, fault
        super().__init__(" ".join(f"the {role.replace('_', '-')} {engine} {what}".split())[:300])


class MissingPackage(RoundelayError):
    """A package of an extra is missing; `extra` is what to install."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: run pip install 'roundelay[{extra}]'")


class WouldOverwrite(RoundelayError):
    """The file exists and overwriting it was not asked for."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path} exists: give another --out, or --force to replace it")
