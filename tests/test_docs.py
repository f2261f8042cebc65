"""The pages under docs/: every link leads somewhere, every page can be found, and the how-to pages' commands run."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PAGES = [*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md"), *(REPOSITORY / "examples").glob("*.md")]
HOW_TO = sorted((DOCS / "how-to").glob("*.md"))
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
BLOCK = re.compile(r"(<!-- not run by the tests: [^\n]+ -->\n)?```(sh|toml|python|text)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"# ([\w-]+\.(?:toml|py))\n")


def anchors(page: Path) -> set[str]:
    """Return the anchors that a forge makes of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in anchors(path), f"{page.name} links to {link}"


def test_every_page_is_in_an_index() -> None:
    listed = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in (DOCS / "index.md", DOCS / "decisions" / "README.md")
        for link in LINK.findall(index.read_text())
    }
    missing = [page.name for page in DOCS.rglob("*.md") if page not in listed and page != DOCS / "index.md"]
    assert not missing, f"no index names {missing}"


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_the_commands_of_a_how_to_run(page: Path, tmp_path: Path) -> None:
    """In their order, in an empty folder; a block whose first line is `# NAME` is that file. Output that a page shows
    must come, line by line."""
    blocks = BLOCK.findall(page.read_text())
    for package, sign in (("onnxruntime", r"roundelay voice|import.* Pipeline"), ("pocketsphinx", "from pocketsphinx")):
        if any(re.search(sign, text) for _, _, text in blocks):
            pytest.importorskip(package)
    with socket.socket() as free:  # the port of the pages may be taken here
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    programs = tmp_path / "bin"
    programs.mkdir()
    shim(programs / "roundelay", "-m roundelay")
    shim(programs / "python")
    printed = ""
    for skipped, kind, text in blocks:
        text = text.replace(":9000", f":{port}").replace(", 9000)", f", {port})")
        if kind == "text":
            for line in text.splitlines():
                assert line in printed, f"{page.name} shows {line!r}, which was not printed"
        elif name := FILE.match(text):
            (tmp_path / name[1]).write_text(text)
        elif kind == "sh" and not skipped:
            printed += shell(text, tmp_path, programs)


def shim(path: Path, prefix: str = "") -> None:
    """Write a program that runs this interpreter."""
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {prefix} "$@"\n')
    path.chmod(0o755)


def shell(commands: str, folder: Path, programs: Path) -> str:
    """Return what the commands print; fails where one of them does."""
    found = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "160"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder, env=os.environ | found, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout
