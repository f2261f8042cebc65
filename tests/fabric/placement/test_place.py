"""Placement: realisable always, exact against solvers, and the contract of its verbs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roundelay.errors import BadInput
from roundelay.fabric.control import spares
from roundelay.fabric.faults.trace import on_fabric, read
from roundelay.fabric.placement import align, dcn, orchestrate, placement, repair
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.topology.deployment import Deployment
from roundelay.fabric.topology.topology import Fabric, gpu_ring


def judged():
    """The seeded cases of results/placement-oracles, which need the oracle."""
    pytest.importorskip("ortools", reason="OR-tools is the oracle of this test")
    import oracle_cases

    return oracle_cases


def test_packing_is_exact() -> None:
    table = judged().collect(judged().packing, 100)
    assert (table[:, 0] == table[:, 1]).all()


def test_alignment_is_near_the_optimum() -> None:
    table = judged().collect(judged().alignment, 25)
    ratio = table[:, 0] / table[:, 1]
    assert (ratio >= 1).all() and ratio.mean() <= 1.03 and ratio.max() <= 1.25


def test_repair_disturbs_the_fewest() -> None:
    table = judged().collect(judged().repairing, 80)
    assert (table[:, 0] == table[:, 1]).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 4),
    st.sampled_from([1, 2, 3]),
    st.integers(12, 40),
    st.integers(0, 2**30),
    st.sampled_from([4, 8, 16]),
)
def test_every_placement_is_realisable_and_whole(k: int, p: int, tors: int, seed: int, tp: int) -> None:
    deployment = Deployment.of(tors * p, 4, k, p)
    rng = np.random.default_rng(seed)
    down = tuple(int(n) for n in np.flatnonzero(rng.random(tors * p) < rng.choice([0, 0.1, 0.3])))
    empty = Placement(deployment, (), down)
    most = orchestrate.capacity(deployment, orchestrate.free_mask(empty), tp)
    if not most:
        return
    wanted = int(rng.integers(1, most + 1))
    placed, score = orchestrate.place(empty, tp, wanted * tp)
    job = placed.job()
    assert score.groups == len(job.groups) == wanted and score.realisable
    assert len(set(job.nodes)) == wanted * tp // 4 and not set(job.nodes) & set(down)
    assert score.tor_rank_pairs >= score.tor_rank_pairs_bound and score.cross_tor >= score.cross_tor_bound
    for group in job.groups:
        chain = [int(x) for x in deployment.position(np.array(group))]
        assert len(gpu_ring(deployment.ring, chain)) == tp, "a group is one ring of all its GPUs"


def test_positions_and_nodes_are_each_others_inverse() -> None:
    deployment = Deployment.of(24, 4, 2, 3)
    nodes = np.arange(24)
    assert (deployment.node(deployment.position(nodes)) == nodes).all()
    neighbours = deployment.node(np.arange(8))
    assert len(set(deployment.tor(neighbours))) == 8, "ring neighbours stand under different ToRs"


def test_crossing_counts_by_hand() -> None:
    tors = np.array([[0, 1], [0, 2], [3, 4], [3, 4]])
    assert dcn.crossing(tors, [dcn.Rings("inner", 2)]) == pytest.approx(2 / 8)
    assert dcn.crossing(tors[:2], [dcn.Rings("inner", 2)]) == pytest.approx(2 / 4)
    nested = dcn.parse_rings("cp=2:0.5,dp=2:0.5", 4, 2)
    assert dcn.crossing(tors, nested) == pytest.approx(0.5 * 0.25 + 0.5 * 1.0)
    assert dcn.crossing_bound(8, 2, [dcn.Rings("dp", 8)]) == pytest.approx(4 / 8)
    with pytest.raises(BadInput, match="product is 6"):
        dcn.parse_rings("cp=2,dp=3", 8, 2)


def test_no_fault_no_crossing_and_the_bound_is_met() -> None:
    for p in (2, 4, 8):
        _, score = orchestrate.place(Placement(Deployment.of(512, 4, 3, p), ()), 32, 32 * 50)
        assert score.cross_tor == 0 and score.tor_rank_pairs == score.tor_rank_pairs_bound


def test_the_file_gives_the_placement_back_and_the_same_bytes(tmp_path) -> None:
    empty = Placement(Deployment.of(64, 4, 3, 2), (), (5, 17))
    placed, _ = orchestrate.place(empty, 16, 160)
    again, _ = orchestrate.place(empty, 16, 160)
    assert placed.dumps() == again.dumps()
    path = tmp_path / "p.json"
    path.write_text(placed.dumps())
    assert placement.read(path) == placed


def test_jobs_come_and_go() -> None:
    base = Placement(Deployment.of(64, 4, 2, 2), (), (3,))
    one, _ = orchestrate.place(base, 32, 96, "one")
    two, _ = orchestrate.place(one, 16, 64, "two")
    assert two.jobs[0] == one.jobs[0] and len(two.jobs) == 2 and two.epoch == 2
    gone = two.without_job("one")
    assert [job.name for job in gone.jobs] == ["two"]
    with pytest.raises(BadInput, match="two have one name"):
        orchestrate.place(two, 16, 16, "two")
    with pytest.raises(BadInput, match="name one of"):
        two.without_job("three")


def test_one_spare_for_two_groups_confines_a_fault_to_its_group(real_trace) -> None:
    deployment = Deployment.of(720, 4, 3)
    events = on_fabric(read(real_trace), Fabric(720, 4), 0)
    disturbed = np.array(spares.replay(deployment, events, 32, 2, replace=True))
    assert len(disturbed) > 300 and (disturbed == 1).mean() >= 0.99
    alone = [spares.each_node_once(deployment)]
    single = list(spares.table(deployment, alone, 32, replace=True, every=(2,)))
    assert single[0].one_group_share == 1.0


def test_several_failed_nodes_and_a_group_that_cannot_be_rebuilt() -> None:
    placed, _ = orchestrate.place(Placement(Deployment.of(40, 4, 2), ()), 16, 112)
    job = placed.job()
    done = repair.repair(placed, [job.groups[0][1], job.groups[3][2]])
    assert done.disturbed >= 2 and set(done.placement.down) == {job.groups[0][1], job.groups[3][2]}
    full, _ = orchestrate.place(Placement(Deployment.of(40, 4, 2), ()), 16, 160)
    with pytest.raises(BadInput, match="cannot be rebuilt"):
        repair.repair(full, [0])


def test_groups_not_named_in_the_moves_stay_as_they_were() -> None:
    placed, _ = orchestrate.place(Placement(Deployment.of(200, 4, 3, 2), ()), 32, 32 * 20)
    node = placed.job().groups[7][3]
    done = repair.repair(placed, [node])
    moved = {move.group for move in done.moves}
    for index, (before, after) in enumerate(zip(placed.job().groups, done.placement.job().groups, strict=True)):
        assert (before == after) == (index not in moved)


def test_the_epoch_rises_exactly_when_a_group_changes() -> None:
    placed, _ = orchestrate.place(Placement(Deployment.of(64, 4, 3, 2), ()), 16, 160)
    free = int(np.flatnonzero(orchestrate.free_mask(placed))[0])
    idle = repair.repair(placed, [free])
    assert idle.moves == () and idle.placement.epoch == placed.epoch == 1 and idle.placement.down == (free,)
    assert repair.restore(idle.placement, [free]) == placed
    hit = repair.repair(placed, [placed.job().groups[2][1]])
    assert hit.moves and hit.placement.epoch == 2
    assert repair.restore(hit.placement, hit.placement.down).epoch == 2
    assert hit.placement.without_job("job").epoch == 3
    assert placed.changed(jobs=placed.jobs[::-1], down=(free,)).epoch == 1


def test_a_group_that_cannot_be_rebuilt_names_its_job() -> None:
    one, _ = orchestrate.place(Placement(Deployment.of(40, 4, 2), ()), 16, 80, "one")
    two, _ = orchestrate.place(one, 16, 80, "two")
    for name in ("one", "two"):
        with pytest.raises(repair.Unrepairable) as error:
            repair.repair(two, [two.job(name).groups[-1][0]])
        assert error.value.job == name


def test_one_way_to_place_lays_out_as_many_groups_as_fit() -> None:
    empty = Placement(Deployment.of(64, 4, 3, 4), (), (5,))
    assert len(orchestrate.lay_out(empty, 32, 4).nodes_Gm) == 4 and orchestrate.lay_out(empty, 32, 4).aligned
    assert len(orchestrate.lay_out(empty, 32, 100).nodes_Gm) == 7
    full = Placement(empty.deployment, (), tuple(range(64)))
    assert orchestrate.lay_out(full, 32, 3).nodes_Gm.shape == (0, 8)


CASE = ("--nodes", 2048, "--gpus-per-node", 4, "--k", 3, "--nodes-per-tor", 2, "--tp", 32)


def test_the_contract_of_place_and_repair(roundelay, tmp_path) -> None:
    out, out2 = tmp_path / "placement.json", tmp_path / "p2.json"
    args = ("--job-gpus", 6944, "--fault-ratio", 0.05, "--seed", 1, "--out", out, "--json")
    values = roundelay("fabric", "place", *CASE, *args).json()
    assert {"groups", "job_gpus", "waste", "cross_tor", "cross_tor_bound", "seconds", "realisable"} <= set(values)
    assert (values["groups"], values["job_gpus"], values["cross_tor"]) == (217, 6944, 0.0)
    node = json.loads(out.read_text())["jobs"][0]["groups"][0]["nodes"][2]
    values = roundelay("fabric", "repair", out, "--fail", node, node + 400, "--out", out2, "--json").json()
    assert values["disturbed_groups"] >= 1 and node in json.loads(out2.read_text())["down"]
    explained = roundelay("fabric", "explain", out2, "--json").json()
    assert explained["jobs"]["job"]["groups"] == 217
    one = roundelay("fabric", "explain", out2, "--node", 100, "--json").json()
    assert len(one["paths"]) == 3 and "state" in one


def test_down_file_hosts_and_picture(roundelay, tmp_path) -> None:
    hosts, down, picture = tmp_path / "hosts", tmp_path / "down", tmp_path / "p.svg"
    hosts.write_text("\n".join(f"gpu{i:03d}" for i in range(64)))
    down.write_text("gpu003 gpu010\n17\n")
    out = tmp_path / "p.json"
    args = ("--nodes", 64, "--k", 2, "--tp", 16, "--job-gpus", 160, "--hosts", hosts, "--down", down)
    assert roundelay("fabric", "place", *args, "--out", out, "--picture", picture).code == 0
    assert json.loads(out.read_text())["down"] == [3, 10, 17] and picture.stat().st_size > 1000
    second = roundelay("fabric", "place", "--into", out, "--tp", 8, "--job-gpus", 16, "--name", "b", "--json")
    assert second.json()["groups"] == 2
    table = roundelay("fabric", "spares", "--nodes", 68, "--tp", 32, "--json").json()["rows"]
    assert next(row for row in table if row["spare_every_groups"] == 2)["one_group_share"] == 1.0


BAD = [
    (("--k", 0), "give 1 to"),
    (("--k", 1024), "give 1 to"),
    (("--nodes-per-tor", 3), "does not divide"),
    (("--job-gpus", 8192, "--fault-ratio", 0.1), "fit"),
    (("--job-gpus", 100), "multiple of TP-32"),
    (("--tp", 30), "multiple of the node's"),
    (("--down", "absent"), "cannot be read"),
    (("--fault-ratio", 2), "not including, 1"),
    (("--rings", "dp=3"), "product"),
    (("--rings", "dp"), "NAME=GROUPS"),
    (("--into", "absent"), "cannot be read"),
    (("--spare-every", -1), "0 or more"),
]


@pytest.mark.parametrize(("flags", "says"), BAD, ids=[f"{flags[0]}-{says}" for flags, says in BAD])
def test_bad_input_is_one_line_and_writes_nothing(roundelay, tmp_path, monkeypatch, flags, says) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = roundelay("fabric", "place", *CASE, "--job-gpus", 6944, "--out", "p.json", *flags)
    assert outcome.code == 2 and says in outcome.err
    assert outcome.err.count("\n") == 1 and list(tmp_path.iterdir()) == []


def edited(tmp_path: Path, change) -> Path:
    placed, _ = orchestrate.place(Placement(Deployment.of(64, 4, 3, 2), (), (5,)), 16, 160)
    value = placed.as_dict()
    change(value)
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(value))
    return path


def swap(value: dict) -> None:
    value["jobs"][0]["groups"][0]["nodes"][0] = 60


def down_used(value: dict) -> None:
    value["down"] = [value["jobs"][0]["groups"][0]["nodes"][0]]


EDITS = [
    (lambda v: v.update(version=2), "reads version 1"),
    (lambda v: v.update(format="x"), "is no roundelay-placement"),
    (lambda v: v.pop("fabric"), "lacks or garbles"),
    (swap, "hops apart"),
    (down_used, "is down"),
    (lambda v: v["jobs"][0]["groups"][0].update(paths=[]), "are not those"),
    (lambda v: v["jobs"].append({**v["jobs"][0], "groups": []}), "name"),
    (lambda v: v.update(hosts=["a"] * 64), "different names"),
    (lambda v: v["jobs"][0]["groups"][0]["nodes"].pop(), "takes 4 nodes"),
]


@pytest.mark.parametrize(("change", "says"), EDITS, ids=[says for _, says in EDITS])
def test_a_file_edited_into_nonsense_is_refused(roundelay, tmp_path, change, says) -> None:
    path = edited(tmp_path, change)
    outcome = roundelay("fabric", "repair", path, "--fail", 1, "--out", tmp_path / "o.json")
    assert outcome.code == 2 and says in outcome.err and not (tmp_path / "o.json").exists()


def test_unknown_node_is_refused(roundelay, tmp_path) -> None:
    path = edited(tmp_path, lambda value: None)
    for node in ("64", "gpu1", "-1"):
        assert roundelay("fabric", "repair", path, "--fail", node).code == 2


def test_order_of_ranks_puts_aligned_groups_together() -> None:
    tors = np.array([[0, 1], [4, 5], [0, 1], [4, 5]])
    assert sorted(map(tuple, tors[orchestrate.rank_groups(tors, 2)][:2].tolist())) == [(0, 1), (0, 1)]
    assert align.cost(tors) == 4 and align.cost_bound(4, 2, 2) == 4


def test_a_job_place_lists_nodes_in_rank_order() -> None:
    job = JobPlace("a", 8, ((0, 1), (4, 5)))
    placed = Placement(Deployment.of(12, 4, 2), (job,))
    assert placed.rank_order() == [0, 1, 4, 5] and placed.group_of()[[0, 4, 8]].tolist() == [0, 1, -1]


def test_realisable_is_found_out_not_assumed() -> None:
    deployment = Deployment.of(12, 4, 2)
    assert orchestrate.realisable(Placement(deployment, (JobPlace("a", 8, ((0, 1), (4, 5))),)))
    assert not orchestrate.realisable(Placement(deployment, (JobPlace("a", 8, ((0, 3), (4, 5))),)))
