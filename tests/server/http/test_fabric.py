"""Questions about fabrics: the child's numbers are the command line's, and its errors are typed."""

from __future__ import annotations

import json

from server_case import Running
from test_http import ask, is_error


def test_the_numbers_are_those_of_the_command_line(server: Running, roundelay) -> None:
    words = ("--gpus", 1152, "--tp", 16, "--fault-ratio", 0.05, "--seeds", 5, "--json")
    told = {row["arch"]: row["waste"] for row in roundelay("fabric", "waste", *words).json()["rows"]}
    status, _, body = ask(server, "/v1/x/fabric?gpus=1152&tp=16&fault_percent=5", timeout=240)
    rows = json.loads(body)["rows"]
    assert status == 200 and {row["arch"]: row["waste"] for row in rows} == told
    assert [row["waste"] for row in rows] == sorted(told.values())


def test_what_cannot_be_computed_is_a_typed_400(server: Running) -> None:
    is_error(ask(server, "/v1/x/fabric?gpus=many"), 400, "invalid_type", "gpus")
    is_error(ask(server, "/v1/x/fabric?tp=100000"), 400, "invalid_value", "tp")
    is_error(ask(server, "/v1/x/fabric?fault_percent=nan"), 400, "invalid_value", "fault_percent")
    is_error(ask(server, "/v1/x/fabric?gpus=1001&tp=17", timeout=240), 400, "invalid_value")
