"""Fault histories: the published format, the fitted generator's statistics, and what cannot be read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.fabric.faults import generator, history, trace
from roundelay.fabric.topology.topology import Fabric


def event(node: str, day: float, kind: str = "fault_start") -> dict[str, object]:
    return {"node_id": node, "event_time": day, "event_type": kind, "fault_type": {}}


def write(path, records: object) -> str:
    path.write_text(json.dumps(records))
    return str(path)


def test_the_real_trace_has_its_known_traps(real_trace) -> None:
    facts = history.summary(trace.read(real_trace))
    assert (facts["faults"], facts["faults_of_no_duration"], facts["faults_overlapping"]) == (584, 14, 2)
    assert facts["down_ratio_mean"] == pytest.approx(0.0231, abs=1e-4)
    assert facts["down_ratio_p50"] == 0.0175
    assert facts["down_ratio_p99"] == 0.0775
    assert facts["down_ratio_max"] == 0.0875


def test_the_generator_has_the_traces_statistics(real_trace) -> None:
    """Means over twelve seeds against the trace, within what twelve draws of a heavy tail allow."""
    real = history.summary(trace.read(real_trace))
    made = [history.summary(generator.generate(generator.read_model(), 400, seed)) for seed in range(12)]
    within = {
        "faults": 0.08, "down_ratio_mean": 0.1, "down_ratio_p50": 0.25, "down_ratio_p99": 0.2, "down_ratio_max": 0.2,
        "servers_without_fault_ratio": 0.1, "faults_per_server_variance": 0.3, "repair_p50_days": 0.2,
        "repair_mean_days": 0.1, "repair_p99_days": 0.3,
    }  # fmt: skip
    for key, tolerance in within.items():
        assert np.mean([m[key] for m in made]) == pytest.approx(real[key], rel=tolerance), key


def test_the_independent_generator_lacks_what_the_trace_has() -> None:
    fitted = history.summary(generator.generate(generator.read_model(), 4000, 1))
    plain = history.summary(generator.generate(generator.independent(generator.read_model()), 4000, 1))
    assert plain["down_ratio_mean"] == pytest.approx(fitted["down_ratio_mean"], rel=0.15)
    assert plain["down_ratio_p99"] < 0.6 * fitted["down_ratio_p99"]
    assert plain["servers_without_fault_ratio"] < 0.7 * fitted["servers_without_fault_ratio"]


def test_correlated_incidents_take_neighbours() -> None:
    made = generator.generate(generator.correlated(generator.read_model(), 4), 1000, 3)
    starts, sizes = np.unique(made.start_days, return_counts=True)
    assert (sizes == 4).all()
    for start in starts[:50]:
        servers = np.sort(made.server[made.start_days == start])
        assert set(np.diff(servers)) <= {1, 997, 998, 999}


def test_same_seed_same_history_and_round_trip(tmp_path) -> None:
    model = generator.read_model()
    one, two = generator.generate(model, 50, 5), generator.generate(model, 50, 5)
    assert trace.dumps(one) == trace.dumps(two)
    path = tmp_path / "made.json"
    path.write_text(trace.dumps(one))
    back = trace.read(path, servers=50)
    assert back.faults == one.faults
    assert back.horizon_days <= one.horizon_days, "the file ends with its last event"
    assert back.down_ratio() * back.horizon_days == pytest.approx(one.down_ratio() * one.horizon_days, rel=1e-3)


def test_fit_of_a_generated_history_gives_back_the_model(tmp_path) -> None:
    model = generator.read_model()
    again = generator.fit(generator.generate(model, 40_000, 2))
    assert again.mean_down_ratio() == pytest.approx(model.mean_down_ratio(), rel=0.05)
    assert again.server_shape == pytest.approx(model.server_shape, rel=0.25)
    path = tmp_path / "model.toml"
    path.write_text(again.to_toml("a test"))
    assert generator.read_model(path).mean_down_ratio() == pytest.approx(again.mean_down_ratio(), rel=1e-4)


def test_half_a_server_is_down_by_bayes_rule(real_trace) -> None:
    real = trace.read(real_trace)
    q = (1 - real.down_ratio()) ** 0.5
    fabric = Fabric(800, 4)
    down = np.mean([trace.on_fabric(real, fabric, seed).down_ratio(800) for seed in range(40)])
    assert down / real.down_ratio() == pytest.approx(1 / (1 + q), rel=0.02)


def test_zero_overlap_and_open_faults_are_read_as_they_are(tmp_path) -> None:
    records = [
        event("a", 5, "fault_end"), event("a", 1), event("a", 3, "fault_end"), event("a", 2),
        event("b", 4), event("b", 4, "fault_end"), event("c", 8), event("d", 10), event("d", 10, "fault_end"),
    ]  # fmt: skip
    read = trace.read(write(tmp_path / "t.json", records), servers=10)
    server, start, end = read.merged()
    assert [(int(s), float(a), float(b)) for s, a, b in zip(server, start, end, strict=True)] == [(0, 1, 5), (2, 8, 10)]
    assert read.faults == 5


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ({"a": 1}, "no list"),
        ([], "no list"),
        ([1], "no object"),
        ([{"node_id": "a", "event_time": 1}], "no event_type"),
        ([event("a", -1)], "from 0 on"),
        ([event("a", float("nan"))], "finite"),
        ([event("a", float("inf"))], "finite"),
        ([event("a", "1")], "finite"),  # type: ignore[arg-type]
        ([event("a", 1, "fault_stop")], "expected fault_start"),
        ([event("a", 1, "fault_end")], "without a fault_start"),
        ([event(f"n{i}", 1.0 + i) for i in range(11)], "give --servers 11"),
    ],
)
def test_bad_traces_are_refused_in_one_line(tmp_path, records: object, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        trace.read(write(tmp_path / "t.json", records), servers=10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("time", "says"), [("1" + "0" * 400, "at most"), ("1e300", "at most"), ("1" + "0" * 5000, "is not JSON")]
)
def test_a_time_of_very_many_digits_is_refused_in_one_line(tmp_path, time: str, says: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(f'[{{"node_id": "a", "event_time": {time}, "event_type": "fault_start"}}]')
    with pytest.raises(BadInput, match=says) as caught:
        trace.read(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_json_and_no_file_is_refused(tmp_path) -> None:
    path = tmp_path / "t.json"
    path.write_text("{")
    with pytest.raises(BadInput, match="not JSON"):
        trace.read(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not text"):
        trace.read(path)
    with pytest.raises(BadInput, match="cannot be read"):
        trace.read(tmp_path / "absent.json")
