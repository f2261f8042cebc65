"""The verbs' contract to the letter, and every mistake one line with nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

CONTRACT = ("--model", "llama3-405b", "--gpus", 16384, "--tp", 8, "--pp", 16, "--dp", 128, "--seq", 8192,
            "--global-batch", 2048, "--hardware", "h100")  # fmt: skip
RUN = ("--model", "gpt-175b", "--gpus", 64, "--tp", 8, "--pp", 8, "--seq", 2048, "--global-batch", 64,
       "--hardware", "a100-80g")  # fmt: skip


def test_steptime_keeps_its_contract(roundelay) -> None:
    step = roundelay("fabric", "steptime", *CONTRACT, "--json").json()
    assert {"step_s", "mfu", "tflops_per_gpu", "parts", "memory_gb"} <= set(step)
    assert sum(step["parts"].values()) == pytest.approx(step["step_s"])
    assert sum(step["memory_gb"].values()) == pytest.approx(step["memory_total_gb"])
    assert step["mfu"] == pytest.approx(0.41, abs=0.03)


def test_every_flag_is_taken(roundelay) -> None:
    flags = ("--cp", 1, "--ep", 1, "--micro-batch", 1, "--interleave", 3, "--recompute", "selective",
             "--sequence-parallel", "--zero", 0)  # fmt: skip
    step = roundelay("fabric", "steptime", *RUN, *flags, "--json").json()
    assert step["step_s"] == pytest.approx(13.75, rel=0.035)
    assert (step["interleave"], step["recompute"], step["sequence_parallel"], step["zero"]) == (3, "selective", True, 0)


def test_what_is_left_out_is_chosen_for_the_shortest_step(roundelay) -> None:
    chosen = roundelay("fabric", "steptime", *RUN, "--json").json()
    told = roundelay("fabric", "steptime", *RUN, "--interleave", 1, "--json").json()
    assert chosen["step_s"] < told["step_s"] and chosen["interleave"] > 1
    full = roundelay("fabric", "steptime", *RUN, "--interleave", 3, "--recompute", "full", "--json").json()
    assert full["step_s"] == pytest.approx(18.13, rel=0.035) and not full["sequence_parallel"]


def test_a_table_for_people_shows_every_part(roundelay) -> None:
    outcome = roundelay("fabric", "steptime", *RUN)
    assert outcome.code == 0 and "bubble" in outcome.out and "optimiser" in outcome.out and "MFU" in outcome.err


def test_search_compares_fabrics(roundelay) -> None:
    flags = ("--model", "gpt-175b", "--gpus", "512,1024", "--global-batch", 512)
    outcome = roundelay("fabric", "search", *flags, "--fabric", "infinitepod-k3,nvl-72,dgx", "--top", 2, "--json")
    rows = outcome.json()["rows"]
    assert [row["fabric"] for row in rows] == [f for f in ("infinitepod-k3", "nvl-72", "dgx") for _ in range(4)]
    assert all(rows[i]["step_s"] <= rows[i + 1]["step_s"] for i in range(0, len(rows), 2))
    assert all(row["tp"] * row["pp"] * row["dp"] * row["cp"] == row["gpus"] for row in rows)
    priced = roundelay("fabric", "search", *flags, "--pareto", "--usd-per-gpu-hour", 2, "--json").json()["rows"]
    assert all(row["usd_per_step"] == pytest.approx(row["gpus"] * row["step_s"] / 1800) for row in priced)
    assert "cuts bounded" in roundelay("fabric", "search", *flags, "--fabric", "dgx").err


def test_a_model_and_a_gpu_of_ones_own(roundelay, tmp_path: Path) -> None:
    widths = {"hidden": 512, "ffn": 2048, "layers": 8, "heads": 8, "kv_groups": 8, "head_dim": 64, "vocab": 4096}
    shape = "".join(f"{name} = {value}\n" for name, value in {**widths, "max_length": 512}.items())
    own = tmp_path / "own.toml"
    own.write_text(f"[shape]\n{shape}[model]\nexperts = 4\ntop_k = 2\n")
    flags = ("--model", own, "--gpus", 8, "--tp", 2, "--global-batch", 32)
    assert roundelay("fabric", "steptime", *flags, "--ep", 4, "--json").json()["ep"] == 4
    own.write_text(f"[shape]\n{shape}[model]\nexpert = 4\n")
    assert "did you mean experts?" in roundelay("fabric", "steptime", *flags).err
    specs = Path(__file__).parents[3] / "src" / "roundelay" / "fabric" / "specs"
    gpu = tmp_path / "gpu.toml"
    gpu.write_text((specs / "hardware-h100.toml").read_text().replace("memory_gb_per_s", "memory_gib_per_s"))
    outcome = roundelay("fabric", "steptime", "--gpus", 64, "--hardware", gpu)
    assert outcome.code == 2 and "did you mean memory_gb_per_s?" in outcome.err


BAD = [
    (("--gpus", 64, "--tp", 8, "--pp", 8, "--dp", 2), "is not the 64 of --gpus; give --dp 1"),
    (("--gpus", 60, "--tp", 8), "does not divide the 60 of --gpus"),
    (("--gpus", 64, "--tp", 8, "--pp", 8, "--interleave", 13), "is more pieces than 96 layers"),
    (("--gpus", 112, "--pp", 112), "give --pp 96 or less"),
    (("--gpus", 64, "--tp", 32), "more than the 8 GPUs of a domain of dgx"),
    (("--gpus", 70, "--tp", 5), "does not divide the 96 attention heads"),
    (("--gpus", 64, "--tp", 6, "--fabric", "infinitepod-k3"), "--tp 6: does not divide the 64"),
    (("--gpus", 96, "--tp", 6, "--fabric", "infinitepod-k3"), "whole nodes of 4 GPUs"),
    (("--gpus", 64, "--tp", 8, "--ep", 3), "must divide dp x cp"),
    (("--gpus", 64, "--tp", 8, "--ep", 8), "does not divide the 1 experts"),
    (("--gpus", 64, "--tp", 8, "--micro-batch", 3), "does not divide the"),
    (("--gpus", 64, "--tp", 8, "--cp", 8, "--seq", 8), "cuts a sequence of 8 unevenly"),
    (("--gpus", 8, "--tp", 8), "GB a GPU over"),
    (("--gpus", 64, "--tp", 8, "--pp", 8, "--micro-batch", 8, "--interleave", 1, "--recompute", "none",
      "--no-sequence-parallel", "--zero", 0), "it fits with"),
    (("--gpus", 64, "--recompute", "some"), "choose from none, selective, full"),
    (("--gpus", 64, "--zero", 4), "give 0 to 3"),
    (("--gpus", 64, "--tp", 0), "at least 1"),
    (("--gpus", 64, "--global-batch", 0), "one or more"),
    (("--gpus", 64, "--global-batch", 10**24), "at most"),
    (("--gpus", "many"), "whole number"),
    (("--gpus", 0), "1 to 10,000,000"),
    (("--gpus", 64, "--model", "gpt-175"), "did you mean gpt-175b?"),
    (("--gpus", 64, "--model", "absent.toml"), "cannot be read"),
    (("--gpus", 64, "--hardware", "h10"), "did you mean h100?"),
    (("--gpus", 64, "--fabric", "nvl-73"), "did you mean nvl-72?"),
    (("--gpus", 64, "--software", "moder"), "did you mean modern?"),
    (("--gpus", 64, "--set", "matrix_rati=1"), "did you mean matrix_ratio?"),
    (("--gpus", 64, "--set", "matrix_ratio=2"), "at most 1"),
    (("--gpus", 64, "--set", "memory_gb=-1"), "above zero"),
    (("--gpus", 64, "--set", "memory_gb=nan"), "above zero"),
]  # fmt: skip
SEARCH = [
    (("--gpus", 64, "--usd-per-gpu-hour", -1), "from 0 on"),
    (("--gpus", 64, "--top", 0), "at least 1"),
    (("--gpus", 7919), "change one of them"),
]
CASES = [("steptime", *scenario) for scenario in BAD] + [("search", *scenario) for scenario in SEARCH]


@pytest.mark.parametrize(("verb", "flags", "says"), CASES, ids=str)
def test_bad_input_is_one_line_exit_2_and_writes_nothing(
    roundelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, flags: tuple[object, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    model = () if "--model" in flags else ("--model", "gpt-175b")
    outcome = roundelay("fabric", verb, *model, *flags)
    assert outcome.code == 2 and outcome.out == ""
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1 and says in outcome.err, outcome.err
    assert list(tmp_path.iterdir()) == []


def test_search_tells_what_the_times_are_good_to_and_what_is_a_tie(roundelay) -> None:
    rows = roundelay(
        "fabric",
        "search",
        "--model",
        "llama3-8b",
        "--gpus",
        "32",
        "--fabric",
        "nvl-72,dgx",
        "--global-batch",
        64,
        "--json",
    ).json()["rows"]
    best = min(rows, key=lambda row: row["step_s"])
    for row in rows:
        assert row["step_low_s"] < row["step_s"] < row["step_high_s"] and row["error_class"] in ("megatron", "fsdp")
        assert row["tie"] == (len(rows) > 1 and row["step_s"] <= best["step_s"] * (1 + row["error_ratio"]))
    table = roundelay(
        "fabric", "search", "--model", "llama3-8b", "--gpus", "32", "--fabric", "dgx", "--global-batch", 64
    )
    assert "±" in table.out and "good to ±" in table.err


def test_a_fabric_that_cannot_hold_it_is_a_note_in_its_row(roundelay) -> None:
    asked = ("fabric", "search", "--model", "gpt-175b", "--gpus", "8,64", "--fabric", "dgx", "--global-batch", 64)
    answer = roundelay(*asked, "--json").json()
    assert [row["gpus"] for row in answer["rows"] if "note" in row] == [8] and answer["best"]["gpus"] == 64
    shown = roundelay(*asked)
    assert shown.code == 0 and "dgx, 8 GPUs: " in shown.err and "cannot hold it" in shown.err


ADVICE = [
    (("--gpus", 12, "--global-batch", 32), "--gpus 12: leaves 12 ranks of data parallelism, which do not divide"),
    (("--gpus", 100, "--tp", 8), "--tp 8: does not divide the 100 of --gpus; give --gpus 96 or 104"),
    (("--gpus", 64, "--tp", 8, "--cp", 3), "--tp x --cp = 24: does not divide the 64 of --gpus; give --gpus 48 or 72"),
    (("--gpus", 64, "--tp", 8, "--dp", 4), "--tp x --dp 32: is not the 64 of --gpus; give --dp 8"),
    (("--gpus", 16, "--tp", 16), "give at most that, or another --fabric"),
    (("--gpus", 512, "--model", "llama3-405b", "--seq", 8192, "--zero", 1), "it fits with --tp"),
]


@pytest.mark.parametrize(("flags", "says"), ADVICE, ids=str)
def test_messages_name_flags_that_were_given_and_advice_that_works(
    roundelay, flags: tuple[object, ...], says: str
) -> None:
    outcome = roundelay("fabric", "steptime", *flags)
    assert outcome.code == 2 and says in outcome.err and outcome.err.count("\n") == 1
    assert "--dp" not in outcome.err or "--dp" in flags
    if "it fits with" in outcome.err:
        advice = outcome.err.split("it fits with ")[1].split()
        assert roundelay("fabric", "steptime", *flags, *advice).code == 0
