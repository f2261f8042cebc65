"""The errors a caller can catch.

    RoundelayError          anything Roundelay raises on purpose; printed as one line, exit code 2
    ├── BadInput            a value the user gave cannot be used: what, the value, what to do
    ├── MissingPackage      an extra is not installed; names the command that installs it
    ├── WouldOverwrite      a file in the way was not made by Roundelay, or --force was not given
    └── IllegalEvent        an event that a machine cannot take now, and which changed nothing (machine.py)

A traceback is a bug of ours, never the user's.
"""

from __future__ import annotations


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


class MissingPackage(RoundelayError):
    """A package of an extra is missing; `extra` is what to install."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: run pip install 'roundelay[{extra}]'")


class WouldOverwrite(RoundelayError):
    """The file exists and overwriting it was not asked for."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path} exists: give another --out, or --force to replace it")
