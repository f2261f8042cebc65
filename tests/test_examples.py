"""Every example runs alone, in an empty folder, within its time, and prints and writes what it says."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
LIMIT_S = 120  # on a busy machine; alone each takes under half a minute
HEAD = re.compile(r"\A# /// script\n((?:# .*\n)+?)# ///\n", re.MULTILINE)


@dataclass(frozen=True)
class Expected:
    """What an example prints, as patterns of lines in their order; the files it writes; the packages it needs."""

    lines: tuple[str, ...]
    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


VOICE, SERVE = ("onnxruntime", "soundfile"), ("onnxruntime", "soundfile", "uvicorn", "openai")
EXPECTED = {
    "01_say": Expected(
        (r"\d\.\d s at 16000 Hz: say\.wav", r"in \d+ blocks, the first of 0\.\d+ s"), ("say.wav",), VOICE),
    "02_transcribe": Expected(
        (r"1\.\d s: how many nodes are down", r"  0\.0 to 1\.\d s: how many nodes are down"), (), VOICE),
    "03_ask": Expected(
        ("heard:  what is twelve times seven", r"answer: 12 times 7 is 84\.", "skill:  multiply 12 7",
         r"typed:  The capital of Kenya is Nairobi\."), ("answer.wav",), VOICE),
    "04_conversation_from_a_recording": Expected(
        (r" +\d\.\d s  you: what is the capital of france", r" +\d\.\d s  bot: The capital of France is Paris\.",
         r" +\d\.\d s  interrupted after: The .*", r" +\d\.\d s  you: what is twelve times seven",
         r" +\d+\.\d s  bot: 12 times 7 is 84\.", "user: .*", "assistant: .*", "user: .*", "assistant: .*"),
        ("answers.wav",), VOICE),
    "05_serve_and_call": Expected(
        (r"speech: \d+,\d+ bytes of WAV",
         r"transcription: (what is twelve times seven|What is (12|twelve) times (7|seven)\?)",
         r"chat: 12 times 7 is 84\."),
        (), SERVE),
    "06_my_own_engine": Expected(
        (r"1\.80 s at 22050 Hz", r"answer, spoken in Morse: 12 times 7 is 84\.",
         r"engine mores: is unknown; did you mean morse\?"), ("sos.wav",), VOICE),
    "07_my_own_chat_model": Expected(
        (r"Have you the one with the whale\? Moby Dick is in the second row\.", ".*Quixote.*", ".*I have no book.*"),
        ("answer.wav",), VOICE),
    "08_place_a_job": Expected(
        (r"128 nodes, .*2 down.*", r"│ llama +│ +32 │ +8 │ +256 │", r"│ second +│ +16 │ +4 │ +64 │",
         "llama: 0% of its traffic leaves a ToR, 0% is the bound",
         "first group, in ring order: node-000000 .*", "wrote launch.tsv placement.json ranks.tsv run.sh"),
        ("torchrun/placement.json", "torchrun/run.sh")),
    "09_replay_my_trace": Expected(
        (r"\{'servers': 400, 'days': 180\.0, 'faults': \d+\}", "│ infinitepod-k3 .*", "│ nvl-72 .*",
         r"the ring wastes 0\.\d+% of the GPUs, NVL-72 \d+\.\d+%"), ("my-trace.json",)),
    "10_compare_fabrics": Expected(
        (r"infinitepod-k3 +step +\d+\.\d s, MFU \d+\.\d%, wasted at 3 % faults 0\.\d+%, 3,\d+ USD a GPU",
         r"nvl-72 +step.* USD a GPU", r"│ bubble .*", r"MFU 5\d\.\d%.*")),
    "11_operate_through_faults": Expected(
        (" +train runs on 6 groups of 32 GPUs", " +tune runs on 4 groups of 16 GPUs", "   5 h  NodeDown",
         r" +train: group \d+ gives up .* for .*", r" +\d+ bundles switch", " +epoch 3", "  10 h  JobSubmitted",
         " +wide waits: .*", "  20 h  JobEnded", " +wide runs on 4 groups of 32 GPUs")),
    "12_repair_after_a_fault": Expected(
        (r"32 groups; node-\d+ fails", "group 3: 1 node leaves, 1 joins", "1 of 32 groups disturbed",
         r"\d+ bundles to switch.*")),
}  # fmt: skip


def test_every_example_is_expected_and_listed() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == EXPECTED.keys()
    assert names == set(re.findall(r"\[(\w+)\.py\]", (EXAMPLES / "README.md").read_text()))


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_says_what_it_needs(name: str) -> None:
    """PEP 723: a tool that reads the head can run the file in an environment of its own."""
    text = (EXAMPLES / f"{name}.py").read_text()
    head = HEAD.match(text)
    assert head, "the file begins with # /// script"
    needs = tomllib.loads(re.sub(r"^# ?", "", head[1], flags=re.MULTILINE))
    assert needs["requires-python"] == ">=3.11"
    assert any(each.startswith("roundelay") for each in needs["dependencies"])


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_prints_and_writes_what_it_says(name: str, tmp_path: Path) -> None:
    expected = EXPECTED[name]
    for package in expected.needs:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    found = os.environ | {"COLUMNS": "120", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        cwd=tmp_path, env=found, capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "", done.stderr
    lines = iter(done.stdout.splitlines())
    for pattern in expected.lines:
        assert any(re.fullmatch(pattern, line.rstrip()) for line in lines), f"{pattern} is not in\n{done.stdout}"
    for file in expected.files:
        assert (tmp_path / file).stat().st_size > 0
