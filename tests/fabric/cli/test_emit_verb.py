"""`roundelay fabric emit` as a door: the contract, every refusal one line, a folder all or nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import emit_case
import pytest

from roundelay.errors import BadInput
from roundelay.fabric.emit import folder
from roundelay.fabric.emit.targets import TARGETS, emit
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.topology.deployment import Deployment

CONTRACT = ["slurm-ring", "slurm-block", "slurm-tree", "hostfile", "torchrun", "kueue", "volcano", "labels", "megatron",
            "ray", "topograph"]  # fmt: skip


@pytest.fixture
def placement(tmp_path: Path) -> Path:
    path = tmp_path / "placement.json"
    path.write_text(emit_case.placement().dumps())
    return path


def written(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def refused(outcome, *words: str) -> None:
    assert outcome.code == 2 and outcome.out == ""
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1
    assert all(word in outcome.err for word in words), outcome.err


def test_the_targets_are_the_contracts() -> None:
    assert list(TARGETS) == CONTRACT


@pytest.mark.parametrize("target", CONTRACT)
def test_every_target_writes_its_folder_and_says_what_to_type(roundelay, placement: Path, target: str) -> None:
    out = placement.parent / "a b" / target
    outcome = roundelay("fabric", "emit", placement, "--to", target, "--out", out, "--job", "llama")
    assert outcome.code == 0
    want = {path.name for path in (emit_case.GOLDEN / target).iterdir()}
    assert written(out).keys() == {*want, folder.MANIFEST}
    for line in outcome.out.splitlines():
        assert f"'{out}/" in line or f"'{out}'/" in line
    assert all(os.access(out / name, os.X_OK) == name.endswith(".sh") for name in want)
    again = roundelay("fabric", "emit", placement, "--to", target, "--out", out, "--job", "llama", "--json")
    answer = again.json()
    assert answer["target"] == target and answer["job"] == "llama" and answer["epoch"] == 7
    assert {Path(name).name for name in answer["files"]} == want
    assert answer["commands"] == outcome.out.splitlines()


def test_the_same_placement_gives_the_same_folder(roundelay, placement: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        roundelay("fabric", "emit", placement, "--to", "kueue", "--out", tmp_path / out, "--job", "llama")
    assert written(tmp_path / "one") == written(tmp_path / "two")


def test_megatron_takes_pipeline_stages_and_others_do_not(roundelay, placement: Path, tmp_path: Path) -> None:
    call = ("fabric", "emit", placement, "--job", "llama", "--out", tmp_path / "out", "--pp")
    assert roundelay(*call, 2, "--to", "megatron").code == 0
    assert json.loads((tmp_path / "out" / "mesh.json").read_text())["mesh_shape"] == [2, 1, 16]
    refused(roundelay(*call, 2, "--to", "ray"), "--pp 2", "leave it out")
    refused(roundelay(*call, 3, "--to", "megatron"), "--pp 3", "2 TP groups")


def test_a_job_must_be_named_where_there_are_several(roundelay, placement: Path, tmp_path: Path) -> None:
    call = ("fabric", "emit", placement, "--to", "torchrun", "--out", tmp_path / "out")
    refused(roundelay(*call), "--job", "llama, other")
    refused(roundelay(*call, "--job", "nobody"), "nobody", "llama, other")
    assert not (tmp_path / "out").exists()
    placement.write_text(emit_case.placement(alone=True).dumps())
    assert roundelay(*call).code == 0


def test_a_folder_of_others_stays_without_force(roundelay, placement: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    call = ("fabric", "emit", placement, "--to", "ray", "--job", "llama", "--out", out)
    assert roundelay(*call).code == 0  # empty: nothing to lose
    assert roundelay(*call).code == 0  # ours
    (out / "start.tsv").write_text("edited by hand")
    refused(roundelay(*call), str(out), "--force")
    assert (out / "start.tsv").read_text() == "edited by hand"
    assert roundelay(*call, "--force").code == 0
    (out / "mine.txt").write_text("a file of the user's")
    refused(roundelay(*call), str(out), "--force")
    assert roundelay(*call, "--force").code == 0 and not (out / "mine.txt").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_out_is_never_a_file_nor_the_folder_one_stands_in(
    roundelay, placement: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("fabric", "emit", placement, "--to", "ray", "--job", "llama", "--force", "--out")
    before = written(tmp_path)
    refused(roundelay(*call, placement), "is a file")
    refused(roundelay(*call, placement / "below"), "cannot be written")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    refused(roundelay(*call, tmp_path / "link"), "is a link")
    monkeypatch.chdir(tmp_path)
    refused(roundelay(*call, "."), "one of its own")
    refused(roundelay(*call, ".."), "one of its own")
    assert written(tmp_path) == before


def test_a_write_that_fails_leaves_the_old_folder(
    placement: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    folder.write(out, {"a": "old"}, {})
    rename = os.rename

    def broken(source: Path, target: Path) -> None:
        if Path(target) == out and (Path(source) / "a").read_text() == "new":
            raise OSError("the disk is gone")
        rename(source, target)

    monkeypatch.setattr(os, "rename", broken)
    with pytest.raises(BadInput, match="disk is gone"):
        folder.write(out, {"a": "new"}, {})
    assert (out / "a").read_text() == "old" and folder.is_ours(out)
    assert {path.name for path in tmp_path.iterdir()} == {"placement.json", "out"}


@pytest.mark.parametrize("text", ["", "[]", '{"format":"roundelay-placement","version":9}'])
def test_what_is_no_placement_is_refused(roundelay, tmp_path: Path, text: str) -> None:
    (tmp_path / "p.json").write_text(text)
    refused(roundelay("fabric", "emit", tmp_path / "p.json", "--to", "ray", "--out", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def hosts(**other: str) -> tuple[str, ...]:
    """Return the case's hosts with some of another name: n4="x y"."""
    names = [f"n{node}" for node in range(24)]
    for key, name in other.items():
        names[int(key[1:])] = name
    return tuple(names)


@pytest.mark.parametrize("target", CONTRACT)
@pytest.mark.parametrize("name", ["x y", "a,b", "n[0-3]", "", "-x", "a\nb", "$(id)", "a'b", "a;b"])
def test_no_target_writes_a_host_that_would_break_its_file(target: str, name: str) -> None:
    with pytest.raises(BadInput):
        emit(emit_case.placement(hosts(n4=name)), target, "llama")


@pytest.mark.parametrize(("target", "name", "what"), [
    ("slurm-tree", "1234", "does not read it"), ("slurm-block", "DEFAULT", "does not read it"),
    ("slurm-ring", "n" * 65, "64 characters"), ("hostfile", "localhost", "does not read it"),
    ("slurm-tree", "tor01", "stands twice"), ("slurm-tree", "core", "stands twice"),
    ("kueue", "Node_4", "lower-case"), ("volcano", "n4.", "lower-case"), ("labels", "N4", "lower-case"),
    ("topograph", "N4", "lower-case"),
])  # fmt: skip
def test_a_host_that_the_scheduler_would_reject(target: str, name: str, what: str) -> None:
    with pytest.raises(BadInput, match=what):
        emit(emit_case.placement(hosts(n4=name)), target, "llama")


@pytest.mark.parametrize(("target", "name", "what"), [
    ("labels", "j" * 60, "63 characters"), ("ray", "j" * 60, "63 characters"), ("topograph", "j" * 60, "63 characters"),
    ("kueue", "Llama", "lower-case"), ("kueue", "j" * 62, "at most 61"), ("volcano", "a.b", "lower-case"),
    ("labels", "free", "rename the job"), ("slurm-ring", "free", "stands twice"),
    ("slurm-block", "free", "stands twice"),
    *((target, name, "rename it") for target in CONTRACT for name in ("a b", "", "x\ny", "$(id)")),
])  # fmt: skip
def test_a_job_name_that_the_scheduler_would_reject(target: str, name: str, what: str) -> None:
    with pytest.raises(BadInput, match=what):
        emit(emit_case.placement(llama=name), target, name)


def test_a_group_longer_than_slurms_ring_is_refused_and_says_what_takes_it() -> None:
    deployment = Deployment.of(40, 4, 2)
    case = Placement(deployment, (JobPlace("j", 68, (tuple(range(17)),)),)).check()
    with pytest.raises(BadInput, match="topology/ring holds 16; emit slurm-block"):
        emit(case, "slurm-ring")
    assert emit(case, "slurm-block").files
    shorter = Placement(deployment, (JobPlace("j", 64, (tuple(range(16)),)),)).check()
    assert emit(shorter, "slurm-ring").files


def test_blocks_of_two_sizes_are_refused() -> None:
    deployment = Deployment.of(12, 4, 2)
    case = Placement(deployment, (JobPlace("a", 8, ((0, 1),)), JobPlace("b", 16, ((2, 3, 4, 5),)))).check()
    with pytest.raises(BadInput, match="one base size"):
        emit(case, "slurm-block", "a")
    assert emit(case, "slurm-ring", "a").files


def test_a_job_without_groups_is_refused() -> None:
    case = Placement(Deployment.of(12, 4, 2), (JobPlace("a", 8, ()),)).check()
    with pytest.raises(BadInput, match="has no groups"):
        emit(case, "torchrun")


def test_a_rank_file_over_kubernetes_limit_goes_into_several_config_maps() -> None:
    nodes = 30_000
    groups = tuple((node, node + 1) for node in range(0, nodes, 2))
    case = Placement(Deployment.of(nodes, 4, 2), (JobPlace("big", 8, groups),))
    files = emit(case, "kueue").files
    assert files["config-map.yaml"].count("kind: ConfigMap") == 2 and "name: roundelay-big-1" in files["job.yaml"]


def test_every_target_and_file_is_documented() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "fabric-emit.md").read_text()
    rows = {cells[1].strip(): cells for line in text.splitlines() if len(cells := line.split("|")) == 6}
    for target in CONTRACT:
        named = rows[f"`{target}`"][2]
        files = {path.name for path in (emit_case.GOLDEN / target).iterdir()}
        listed = rows["`slurm-tree`"][2] if named.strip() == "the same" else named
        assert {f"`{name}`" for name in files} == {word.strip() for word in listed.split(",")}


def test_a_placement_edited_by_hand_is_refused(roundelay, placement: Path, tmp_path: Path) -> None:
    whole = json.loads(placement.read_text())
    call = ("fabric", "emit", placement, "--to", "slurm-tree", "--job", "llama", "--out", tmp_path / "out")
    first = whole["jobs"][0]["groups"][0]["nodes"]
    for edit, word in (
        ({"hosts": ["a", "a", *hosts()[2:]]}, "different names"),
        ({"down": [*whole["down"], first[0]]}, "repair it"),
        ({"jobs": [{**whole["jobs"][0], "groups": [{"nodes": [first[0], 1, 2, 3], "paths": []}]}]}, "node"),
    ):
        placement.write_text(json.dumps({**whole, **edit}))
        refused(roundelay(*call), word)
        assert not (tmp_path / "out").exists()
