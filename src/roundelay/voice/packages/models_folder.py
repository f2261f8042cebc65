"""The folder of models that are joined or fetched once: `ROUNDELAY_MODELS`, or the user's cache folder (ours).

A file comes there whole or not at all, under a temporary name first, and is used only where its SHA-256 sum is right.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roundelay.files import replacing
from roundelay.voice.packages.weights_package import WeightsPackage, WeightsUnavailableError, folder, has_sum

VARIABLE = "ROUNDELAY_MODELS"


@dataclass(frozen=True, slots=True)
class JoinedFile:
    """A file that several packages carry in parts: its name, its SHA-256 sum, the packages in order, and the part."""

    name: str
    sum_hex: str
    packages: Sequence[WeightsPackage]
    part: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FetchedFolder:
    """A folder of files out of an archive of the npm index.

    `sums` is a list as sha256sum writes it: each file's sum and name. `inside` is the files' folder in the archive,
    `sum_hex` the archive's own sum and `size_bytes` its size.
    """

    name: str
    version: str
    sums: Path
    inside: str
    sum_hex: str
    source: str
    licence: str
    packed_by: str
    size_bytes: int

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 sum of each file by its name."""
        lines = self.sums.read_text(encoding="utf-8").splitlines()
        return {name: sum_hex for sum_hex, name in map(str.split, lines)}

    @property
    def folder(self) -> Path:
        """Where its files are once they are fetched."""
        return models_folder() / f"{self.name}-{self.version}"


def models_folder() -> Path:
    """The folder itself; it need not exist."""
    if given := os.environ.get(VARIABLE):
        return Path(given).expanduser()
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "roundelay" / "models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "roundelay" / "models"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roundelay" / "models"


def joined(file: JoinedFile) -> Path:
    """The path of a joined file, joined now if it is not there or is damaged.

    Raises `WeightsUnavailableError` for a part that cannot be used, `BadInput` where the folder cannot be written.
    """
    path = models_folder() / file.name
    if has_sum(path, file.sum_hex):
        return path
    parts = [folder(package) / file.part for package in file.packages]
    sums = hashlib.sha256()
    with replacing(path, force=True) as temporary:
        with temporary.open("wb") as whole:
            for part in parts:
                data = part.read_bytes()
                sums.update(data)
                whole.write(data)
        if sums.hexdigest() != file.sum_hex:
            raise WeightsUnavailableError("damaged", f"{file.name}: its parts do not make the file that is known here")
    return path


def fetched(archive: FetchedFolder, name: str) -> Path:
    """The path of a file of a fetched folder, its sum checked.

    Raises `KeyError` for a name that the archive does not have, `WeightsUnavailableError` for a file not fetched yet
    or damaged.
    """
    path, sum_hex = archive.folder / name, archive.files[name]
    if has_sum(path, sum_hex):
        return path
    if path.exists():
        raise WeightsUnavailableError("damaged", f"{path} is damaged: remove it and run make setup")
    raise WeightsUnavailableError(
        "missing", f"{name} of {archive.name} ({archive.source}) is not in {path.parent}: run make setup"
    )
