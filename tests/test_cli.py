"""The command line as a door: every verb documented, every mistake one line, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from roundelay import cli
from roundelay.cli import ROOMS, root

REPOSITORY = Path(__file__).resolve().parents[1]


def verbs(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        names = command.list_commands(context)
        found = [verbs(command.get_command(context, name), (*path, name)) for name in names]  # type: ignore[arg-type]
        return [verb for group in found for verb in group]
    return [path]


def test_docs_cli_is_what_the_code_says() -> None:
    made = subprocess.run(
        [sys.executable, "docs/make_cli.py", "--print"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert made == (REPOSITORY / "docs" / "cli.md").read_text(), "run `make docs`"


def test_every_verb_is_documented() -> None:
    text = (REPOSITORY / "docs" / "cli.md").read_text()
    assert verbs(root)
    for verb in verbs(root):
        assert f"roundelay {' '.join(verb)}" in text


def test_help_and_version_exit_0(roundelay) -> None:
    assert roundelay("--help").code == 0
    assert roundelay("--version").out.startswith("roundelay")
    for room in ROOMS:
        assert roundelay(room, "--help").code == 0


@pytest.mark.parametrize("args", [("nonsense",), ("fabric", "nonsense"), ("fabric", "waste", "--nonsense"),
                                  ("fabric", "waste", "--gpus", "many")])  # fmt: skip
def test_a_wrong_word_is_one_line_and_exit_2(roundelay, args: tuple[str, ...]) -> None:
    outcome = roundelay(*args)
    assert outcome.code == 2 and outcome.out == ""
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1


FILES = ["cost --prices", "cost --floor", "cost --config", "steptime --gpus 64 --hardware",
         "steptime --gpus 64 --model", "faults --fault-model",
         "faults --trace", "explain", "operate --jobs"]  # fmt: skip


@pytest.mark.parametrize("verb", FILES)
@pytest.mark.parametrize("ending", [".toml", ".json"])
def test_a_file_with_a_number_of_very_many_digits_is_one_line(roundelay, tmp_path, verb: str, ending: str) -> None:
    path = tmp_path / f"file{ending}"
    path.write_text('{"gpus": 1' + "0" * 5000 + "}" if ending == ".json" else "gpus = 1" + "0" * 5000)
    outcome = roundelay("fabric", *verb.split(), path)
    assert outcome.code == 2 and outcome.err.startswith("error: ") and outcome.err.count("\n") == 1


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_help_imports_nothing_heavy(room: str) -> None:
    code = f"import sys\nfrom roundelay.cli import main\ntry: main({[*room.split(), '--help']})\n"
    code += "except SystemExit as end: assert not end.code\n"
    code += (
        "print(*sorted({'numba', 'scipy', 'torch', 'matplotlib', 'onnxruntime'} & set(sys.modules)), file=sys.stderr)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: roundelay" in made.stdout and made.stderr.strip() == ""


def test_main_is_the_entry_point() -> None:
    assert callable(cli.main)
