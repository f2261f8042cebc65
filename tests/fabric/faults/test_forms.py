"""Fault histories of other programs: tables, sacctmgr, logs, Prometheus, Philly's and Acme's layouts, and bad files."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from roundelay.errors import BadInput
from roundelay.fabric.faults import trace
from roundelay.fabric.reading import clock

SACCT = """   Cluster        NodeName           TimeStart             TimeEnd  State             Reason       User
---------- --------------- ------------------- ------------------- ------ ------------------ ----------
   cluster                 2023-12-01T00:00:00             Unknown         Cluster Registered
   cluster         node001 2024-01-01T00:00:00 2024-01-02T00:00:00  DOWN*     Not responding  slurm(64)
   cluster         node002 2024-01-01T12:00:00             Unknown  DRAIN            bad gpu    root(0)
   cluster         node003 2024-01-03T00:00:00 2024-01-05T00:00:00  DRAIN            bad gpu    root(0)
"""
PARSABLE = """Cluster|NodeName|TimeStart|TimeEnd|State|Reason|User|
c||2023-12-01T00:00:00|Unknown||Cluster Registered||
c|node001|2024-01-01T00:00:00|2024-01-02T00:00:00|DOWN*|Not responding|slurm(64)|
c|node002|2024-01-01T12:00:00|Unknown|DRAIN|bad gpu|root(0)|
c|node003|2024-01-03T00:00:00|2024-01-05T00:00:00|DRAIN|bad gpu|root(0)|
"""
# the forms below tell of the same three faults: days 0 to 1, 0.5 to the end, 2 to 4
SAME = {
    "sacctmgr": SACCT,
    "sacctmgr -p": PARSABLE,
    "sacctmgr -P": PARSABLE.replace("|\n", "\n"),
    "sacctmgr -pn": PARSABLE.split("\n", 1)[1],
    "zones": "Node;Down at;Recovered\nnode001;2024-01-01T01:00:00+01:00;2024-01-02T00:00:00Z\n"
    "node002;2024-01-01 12:00;\nnode003;2024/01/03;2024-01-05 00:00:00.000\n",
    "days": "node,start,end\nnode001,0,1\nnode002,0.5,none\nnode003,2,4\n",
    "hours": "start_hours\tend_hours\thost\n0\t24\tnode001\n12\t\tnode002\n48\t96\tnode003\n",
    "unix": "host end start\nnode001 1704153600 1704067200\nnode002 - 1704110400\nnode003 1704412800 1704240000\n",
    "durations": "server,begin,duration_hours\nnode001,2024-01-01,24\n"
    "node002,2024-01-01T12:00,84\nnode003,2024-01-03,48\n",
    "hours:minutes:seconds": "NodeName|TimeStart|Duration|\nnode001|2024-01-01T00:00:00|1-00:00:00|\n"
    "node002|2024-01-01T12:00:00|84:00:00|\nnode003|2024-01-03T00:00:00|2-00:00:00|\n",
    "up by server": "timestamp,node,up\n0,node001,0\n"
    "0,node002,1\n0.5,node002,0\n1,node001,1\n2,node003,0\n4,node003,1\n",
    "Grafana's table of up": "Time,node001,node002,node003\n2024-01-01 00:00:00,0,1,1\n2024-01-01 12:00:00,0,0,1\n"
    "2024-01-02 00:00:00,1,0,1\n2024-01-03 00:00:00,1,0,0\n2024-01-05 00:00:00,1,0,1\n",
    "no headings": "node001,2024-01-01,2024-01-02\nnode002,2024-01-01T12:00:00,\nnode003,2024-01-03,2024-01-05\n",
    "events": "time,node,event\n0,node001,down\n0.5,node002,DRAIN\n"
    "1,node001,up\n2,node003,fault_start\n4,node003,fault_end\n",
    "objects": json.dumps(
        [
            {"node": "node001", "start": "2024-01-01", "end": "2024-01-02"},
            {"node": "node002", "start": "2024-01-01T12:00:00", "end": None},
            {"node": "node003", "start": "2024-01-03", "end": "2024-01-05"},
        ]
    ),
    "Alertmanager's": json.dumps(
        [
            {"labels": {"alertname": "NodeDown", "instance": f"node00{n}:9100"}, "startsAt": a, "endsAt": b}
            for n, a, b in (
                (1, "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"),
                (2, "2024-01-01T12:00:00Z", "0001-01-01T00:00:00Z"),
                (3, "2024-01-03T00:00:00Z", "2024-01-05T00:00:00Z"),
            )
        ]
    ),
    "slurmctld.log": """[2024-01-01T00:00:00.000] error: Nodes node001 not responding, setting DOWN
[2024-01-01T11:00:00.000] error: Nodes node[002-003] not responding
[2024-01-01T12:00:00.000] update_node: node node002 reason set to: bad gpu
[2024-01-01T12:00:00.000] update_node: node node002 state set to DRAINED*
[2024-01-02T00:00:00.000] Node node001 now responding
[2024-01-02T01:00:00.000] Node node002 now responding
[2024-01-03T00:00:00.000] error: validate_node_specs: Setting node node003 state to INVAL with reason:gres/gpu
[2024-01-05T00:00:00.000] node node003 returned to service
""",
    "a log": """2024-01-01T00:00:00Z level=warn msg="node down" node=node001
2024-01-01T12:00:00Z WARN host node002 is unreachable
2024-01-02T00:00:00Z level=info msg="node is back up after failure" node=node001
2024-01-02T00:00:00Z INFO nothing happened
2024-01-03T00:00:00Z Warning NodeNotReady node/node003
2024-01-05T00:00:00Z Normal NodeReady node/node003
""",
    "lines of JSON": "".join(
        json.dumps({"ts": ts, "node": node, "msg": msg}) + "\n"
        for ts, node, msg in (
            ("2024-01-01T00:00:00Z", "node001", "went down"),
            ("2024-01-01T12:00:00Z", "node002", "went down"),
            ("2024-01-02T00:00:00Z", "node001", "recovered"),
            ("2024-01-03T00:00:00Z", "node003", "went down"),
            ("2024-01-05T00:00:00Z", "node003", "recovered"),
        )
    ),
    "Prometheus' text": "# TYPE up untyped\n"
    + "".join(
        f'up{{instance="node00{n}:9100",job="node"}} {value} {1704067200000 + int(day * 86400000)}\n'
        for day, n, value in ((0, 1, 0), (0, 2, 1), (0, 3, 1), (0.5, 2, 0), (1, 1, 1), (2, 3, 0), (4, 3, 1))
    ),
    "Prometheus' answer": json.dumps(
        {
            "status": "success",
            "data": {
                "resultType": "matrix",
                "result": [
                    {"metric": {"instance": "node001:9100"}, "values": [[1704067200, "0"], [1704153600, "1"]]},
                    {"metric": {"instance": "node002:9100"}, "values": [[1704067200, "1"], [1704110400, "0"]]},
                    {"metric": {"instance": "node003:9100"}, "values": [[1704240000, "0"], [1704412800, "1"]]},
                ],
            },
        }
    ),
    "Philly's samples": """time,machine_id,cpu_util
2017-10-03 00:00:00 PDT,node001,NA
2017-10-03 00:00:00 PDT,node002,3.5
2017-10-03 12:00:00 PDT,node002,NA
2017-10-04 00:00:00 PDT,node001,31.845
2017-10-05 00:00:00 PDT,node003,NA
2017-10-07 00:00:00 PDT,node003,1.5
""",
    "Acme's samples": """Time,node001,node002,node003
2023-07-01 08:00:00+08:00,,8.1,0.4
2023-07-01 20:00:00+08:00,,,0.4
2023-07-02 08:00:00+08:00,1.0,,0.4
2023-07-03 08:00:00+08:00,1.0,,
2023-07-05 08:00:00+08:00,1.0,,0.3
""",
}
SAYS: list[str] = []


def given(tmp_path: Path, text: str, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def read(path: Path, servers: int | None = None) -> trace.Trace:
    SAYS.clear()
    return trace.read(path, servers, say=SAYS.append)


@pytest.mark.parametrize("form", SAME)
def test_every_form_tells_the_same_faults(form: str, tmp_path: Path) -> None:
    value = read(given(tmp_path, SAME[form]))
    told = [
        (value.names[s], round(float(a), 6), round(float(b), 6))
        for s, a, b in zip(value.server, value.start_days, value.end_days, strict=True)
    ]
    assert told == [("node001", 0, 1), ("node002", 0.5, 4), ("node003", 2, 4)]
    assert value.horizon_days == 4 and value.servers == 3
    assert any("3" in sentence and "--servers N" in sentence for sentence in SAYS), "the number of servers is said"


def test_the_number_of_servers_is_asked_for_or_said(tmp_path: Path) -> None:
    events = [
        {"node_id": f"s{i}", "event_time": day, "event_type": kind}
        for i in range(5)
        for day, kind in ((i, "fault_start"), (i + 1, "fault_end"))
    ]
    path = given(tmp_path, json.dumps(events))
    assert read(path).servers == 400 and "names 5; taken as 400" in SAYS[0]
    assert read(path, 1000).servers == 1000 and not SAYS
    assert read(given(tmp_path, SAME["days"]), 1000).servers == 1000
    with pytest.raises(BadInput, match="give --servers 3 or more"):
        read(given(tmp_path, SAME["days"]), 2)


ACME = """job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time
1,u1,1,8,128,Other,FAILED,2023-03-01 00:18:22+08:00,2023-03-01 00:18:54+08:00,2023-03-01 00:20:51+08:00,117,32,936.0
2,u1,1,8,128,Other,NODE_FAIL,2023-03-01 00:23:58+08:00,2023-03-01 00:24:11+08:00,2023-03-02 01:09:04+08:00,9,13,2.0
3,u1,1,8,128,Other,COMPLETED,2023-03-01 00:23:58+08:00,2023-03-01 00:24:11+08:00,2023-03-04 01:09:04+08:00,9,13,2.0
"""


def test_acmes_jobs_name_no_servers_so_they_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"names no servers.*give --servers N"):
        read(given(tmp_path, ACME))
    value = read(given(tmp_path, ACME), 286)
    assert (value.faults, value.servers) == (1, 286) and "1 NODE_FAIL jobs" in SAYS[0]
    assert read(given(tmp_path, ACME.replace("NODE_FAIL", "FAILED")), 286).faults == 2
    assert "upper bound" in SAYS[0]


def test_phillys_jobs_tell_servers_and_failures(tmp_path: Path) -> None:
    first = {
        "start_time": "2017-10-07 01:12:09",
        "end_time": "2017-10-07 01:13:23",
        "detail": [{"ip": "m47", "gpus": []}],
    }
    second = {"start_time": "2017-10-07 01:13:30", "end_time": "None", "detail": [{"ip": "m412", "gpus": []}]}
    jobs = [
        {"status": "Pass", "jobid": "a", "attempts": [first, second]},
        {"status": "Failed", "jobid": "b", "attempts": [first]},
        {"status": "Killed", "jobid": "c", "attempts": []},
    ]
    value = read(given(tmp_path, json.dumps(jobs)))
    assert (value.faults, value.servers) == (2, 2) and "2 failed attempts" in SAYS[0]


def test_a_gpu_that_has_reported_and_is_gone_takes_its_server_down(tmp_path: Path) -> None:
    text = """time,machineId,gpu0_util,gpu1_util,gpu2_util
2017-10-03 00:00:00 PDT,m1,1.0,2.0,NA
2017-10-03 01:00:00 PDT,m1,1.0,NA,NA
2017-10-03 02:00:00 PDT,m1,1.0,2.0,NA
"""
    value = read(given(tmp_path, text))
    assert value.faults == 1 and float(value.start_days[0]) == pytest.approx(1 / 24)


def test_slurms_json_of_events(tmp_path: Path) -> None:
    events = [
        {"cluster": "c", "node_name": "n1", "time": {"start": 1704067200, "end": 1704153600}, "reason": "x"},
        {"cluster": "c", "node_name": "n2", "time": {"start": 1704110400, "end": 0}, "reason": "y"},
    ]
    value = read(given(tmp_path, json.dumps({"meta": {"plugin": 1}, "events": events})))
    assert value.faults == 2 and value.end_days.tolist() == [1.0, 1.0]


BAD = {
    "empty": ("", "is empty"),
    "prose": (
        "Dear team,\nthe nodes were down a lot.\n",
        "no columns of nodes.*convert to lines node,start,end",
    ),
    "another table": ("name,price\napple,3\n", "no columns of nodes and times.*convert to lines node,start,end"),
    "a column too few": ("node,start,end\nn1,0,1\nn2,0\n", "line 3: has 2 columns where line 1 has 3"),
    "the wrong way round": ("node,start,end\nn1,0,1\nn2,2024-01-05,2024-01-01\n", "line 3: '2024-01-05' is of another"),
    "end before start": ("node,start,end\nn1,2024-01-05,2024-01-01\n", "line 2: n1 ends before it starts"),
    "no time": ("node,start,end\nn1,yesterday,1\n", "line 2: 'yesterday' is no time; write ISO 8601"),
    "day first": ("node,start,end\nn1,05/31/2024 10:00,1\n", "line 2: '05/31/2024 10:00' is no time"),
    "no ends": ("node,start\nn1,1\n", "no column of ends"),
    "no end of any": ("node,start,end\nn1,1,\n", "tells no end of any fault"),
    "nothing lasts": ("node,start,end\nn1,1,1\n", "no fault that lasts"),
    "headings alone": ("node,start,end\n", "names no fault"),
    "duration without a unit": (
        "node,start,duration\nn1,1,5\n",
        "does not say the unit of 5; name the column duration_hours",
    ),
    "cut names": (SACCT.replace("node001", "node00+"), "line 4: cuts the name"),
    "time runs back": ("time,node,event\n5,n1,down\n3,n1,up\n", "line 3: n1 is told of in no order"),
    "no state": ("time,node,event\n5,n1,purple\n", "line 2: 'purple' is no state"),
    "syslog": (
        "Jan  1 00:00:00 m slurmctld: update_node: node n1 state set to DOWN\n",
        "line 1: has a time without a year",
    ),
    "sample without time": ('up{instance="a"} 0\nup{instance="b"} 1\n', "line 1: is a sample without a time"),
    "a log of nothing": ("2024-01-01T00:00:00Z node n1 hello\n", "tells of no node"),
    "negative": ("node,start,end\nn1,-3,1\n", "day -3"),
    "far away": ("start_hours,end,node\n1e12,,n1\n0,3,n2\n", "line 2: '1e12' lies beyond"),
    "packed": ("\x1f\x8b\x08", "no table and no log"),
    "JSON cut off": ('[{"node_id": "a", "event_time": 1, ', "is not JSON"),
    "JSON of nothing": ('{"a": 1}', "holds no list of events"),
    "series of nothing": ('{"status":"success","data":{"result":[]}}', "no series"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    with pytest.raises(BadInput, match=message) as caught:
        read(given(tmp_path, text))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_packed_and_binary_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00rest")
    with pytest.raises(BadInput, match="is packed; unpack it first, with zcat"):
        read(path)
    path.write_bytes("node,start,end\r\nn1,0,1\r\nn2,1,3\r\n".encode("utf-16"))
    assert read(path).faults == 2, "what PowerShell writes"


def test_a_long_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w") as file:
        file.write("node,start,end,note\n")
        for i in range(60_000):
            file.write(f"n{i % 500},{i / 1000},{i / 1000 + 0.1},{'x' * 400}\n")
    assert path.stat().st_size > 2e7
    tracemalloc.start()
    value = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert value.faults == 60_000 and peak < 16e6


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400), ("1970-01-01T01:00:00+01:00", 0), ("1970-01-01 00:00:01,5", 1.5),
        ("1970/01/02 0:00", 86400),
        ("1970-01-01 00:00:00 PST", 28800), ("Thu Jan  1 00:00:07 1970", 7), ("05/06/2024", None), ("19700102", None),
        ("1970-01-01 00:00 XYZ", None), ("12:30", None), ("node", None),
    ],
)  # fmt: skip
def test_dates(text: str, seconds: float | None) -> None:
    assert clock.epoch_s(text) == seconds
