"""runs/*.sh list the stages of each pipeline: every verb and flag in them exists, without running the work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((REPOSITORY / "runs").glob("*.sh"))
# in place of the command line: parse as it does, write the verb down, make the files that later stages read, do no work
STAND_IN = """#!{python}
import sys
from pathlib import Path
import click
from roundelay.cli import root

words = sys.argv[1:]
if "roundelay" in words:  # of `python -m torch.distributed.run … -m roundelay VERB`
    words = words[words.index("roundelay") + 1:]
command, context, used = root, click.Context(root), []
while isinstance(command, click.Group):
    command = command.get_command(context, words[0])
    used.append(words.pop(0))
assert command is not None, used
made = command.make_context(used[-1], words)
for name, value in made.params.items():
    if isinstance(value, Path) and name in ("config", "config_file"):
        assert value.is_file(), value
    if isinstance(value, Path) and name == "out" and used[-1] == "emit":
        value.mkdir(parents=True, exist_ok=True)
        (value / "ranks.tsv").write_text("# node_rank\\thost\\n0\\tnode-000000\\n")
with open({log!r}, "a") as log:
    log.write(" ".join(used) + "\\n")
"""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_stage_of_a_run_is_a_command_that_exists(script: Path, tmp_path: Path) -> None:
    program, log = tmp_path / "roundelay", tmp_path / "log"
    program.write_text(STAND_IN.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    settings = {"OUT": str(tmp_path / "out"), "ROUNDELAY": str(program), "PYTHON": str(program), "SCALE": "0.01"}
    done = subprocess.run([script], env=os.environ | settings, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    used = log.read_text().splitlines()
    assert len(used) >= 8 and {line.split()[0] for line in used} <= {"voice", "train", "fabric"}


def test_an_unknown_stage_is_one_line() -> None:
    done = subprocess.run([REPOSITORY / "runs/speech.sh", "sing"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith("error: stage sing") and done.stdout == ""
