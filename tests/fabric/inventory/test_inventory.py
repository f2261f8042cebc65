"""An operator's own hosts and racks: every form read, what cannot be used named, round trips, and bad files."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from roundelay.errors import BadInput
from roundelay.fabric.emit.targets import emit
from roundelay.fabric.inventory.inventory import Host, Inventory
from roundelay.fabric.inventory.read import Options, dumps, read
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.placement.placement import read as read_placement

NODES = """NodeName=n001 Arch=x86_64 CoresPerSocket=32
   CPUAlloc=0 CPUTot=64 CPULoad=0.08
   Gres=gpu:h100:8(S:0-1)
   NodeAddr=n001 NodeHostName=n001 Version=23.11.4
   OS=Linux 5.15.0-1 #1 SMP x86_64
   State=IDLE ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Partitions=main

NodeName=n002 Arch=x86_64 CoresPerSocket=32
   Gres=gpu:h100:8(S:0-1)
   State=DOWN*+DRAIN ThreadsPerCore=1 TmpDisk=0
   Reason=Not responding [slurm@2024-01-01T00:00:00]

NodeName=n003 Gres=gpu:h100:8 State=MIXED
NodeName=login1 Gres=(null) CfgTRES=cpu=8,mem=1G State=IDLE
"""
TOPOLOGY = """SwitchName=s0 Level=1 LinkSpeed=1 Nodes=n[001-003] Switches=tor[1-2]
SwitchName=tor1 Level=0 LinkSpeed=1 Nodes=n[001-002]
SwitchName=tor2 Level=0 LinkSpeed=1 Nodes=n003
"""
YAML = """---
- topology: flat1
  flat: true
- topology: t
  cluster_default: true
  tree:
    switches:
      - {switch: core, children: "tor[1-2]"}
      - {switch: tor1, nodes: "n[001-002]"}
      - {switch: tor2, nodes: n003}
"""
GRAPH = {"instances": [{"id": f"n00{i}", "network_layers": [f"tor{(i + 1) // 2}", "s0"]} for i in (1, 2, 3)]}


def node(name: str, gpus: int = 8, ready: str = "True", **labels: str) -> dict[str, Any]:
    """Return one item of a NodeList."""
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": {key.replace("__", "/"): value for key, value in labels.items()}},
        "spec": {},
        "status": {"capacity": {"nvidia.com/gpu": str(gpus)}, "conditions": [{"type": "Ready", "status": ready}]},
    }


KUBE = {
    "apiVersion": "v1",
    "items": [node(f"n00{i}", **{"topology.kubernetes.io__rack": f"tor{(i + 1) // 2}"}) for i in (1, 2, 3)],
    "kind": "List",
}
FORMS = {
    "topology": TOPOLOGY,
    "conf": TOPOLOGY.replace("Level=1 LinkSpeed=1 Nodes=n[001-003] ", "").replace("Level=0 LinkSpeed=1 ", ""),
    "yaml": YAML,
    "graph": json.dumps(GRAPH),
    "kubernetes": json.dumps(KUBE),
    "csv": "host,tor\nn001,tor1\nn002,tor1\nn003,tor2\n",
    "semicolons": 'Hostname ; Leaf switch;Rack\n"n001";tor1;r1\nn002;tor1;r1\nn003;tor2;r1\n',
    "rack alone": "\ufeffnode\track\nn001\ttor1\nn002\ttor1\nn003\ttor2\n",
    "blanks": "NAME      STATUS   TOR\nn001      Ready    tor1\nn002      Ready    tor1\nn003      Ready    tor2\n",
    "kubectl -L": "NAME   STATUS                     ROLES    AGE   VERSION   RACK\n"
    "n001   Ready,SchedulingDisabled   <none>   1d    v1.30     tor1\n"
    "n002   Ready   <none>   1d    v1.30     tor1\nn003   Ready   <none>   1d    v1.30     tor2\n",
    "bars": "| host | tor |\n|------|-----|\n| n001 | tor1 |\n| n002 | tor1 |\n| n003 | tor2 |\n",
    "lists in cells": 'tor,nodes\ntor1,"n[001-002]"\ntor2,n003\n',
    "host lists": "tor1: n[001-002]\ntor2: n003\n",
    "objects": json.dumps([{"hostname": f"n00{i}", "leaf": f"tor{(i + 1) // 2}"} for i in (1, 2, 3)]),
    "model": "switches:\n  c: {switches: [tor1, tor2]}\n  tor1: {nodes: ['n[001-002]']}\n  tor2:\n    nodes: [n003]\n",
}


def given(tmp_path: Path, text: str, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same_racks(form: str, tmp_path: Path) -> None:
    value = read([given(tmp_path, FORMS[form])])
    assert {tor: [host.name for host in hosts] for tor, hosts in value.by_tor().items()} == {
        "tor1": ["n001", "n002"],
        "tor2": ["n003"],
    }
    slots = value.slots(8, 1)
    assert slots.names == ("n001", "n002", "n003", "") and slots.missing == (3,)


def test_nodes_and_topology_in_one_stream_or_two_files(tmp_path: Path) -> None:
    one = read([given(tmp_path, NODES + TOPOLOGY)])
    two = read([given(tmp_path, NODES, "nodes"), given(tmp_path, TOPOLOGY, "topology")])
    for value in (one, two):
        assert value.gpus_per_node() == 8
        assert value.unusable() == {"login1": "has no ToR"}
        down = [host for host in value.hosts if host.down]
        assert [(host.name, host.tor) for host in down] == [("n002", "tor1")] and "Not responding" in down[0].down
        assert value.slots(8, 1).down == (1,)


def test_a_nodes_own_topology_is_its_tor(tmp_path: Path) -> None:
    """Slurm 25.11 prints a node's place as Topology=NAME:UNIT, a tree's from the root down."""
    text = "NodeName=a Topology=t:core:leaf1 State=IDLE\nNodeName=b Topology=t:core:leaf2 State=IDLE\n"
    assert [(host.tor, host.domain) for host in read([given(tmp_path, text)]).hosts] == [
        ("leaf1", "core"),
        ("leaf2", "core"),
    ]


def test_a_host_that_is_no_node_is_caught(tmp_path: Path) -> None:
    topology = TOPOLOGY.replace("n003", "n04")
    with pytest.raises(BadInput, match=r"line 2.*n04.*no node"):
        read([given(tmp_path, topology.split("\n", 1)[1] + NODES.replace("n003", "n004"))])
    with pytest.raises(BadInput, match="did you mean n004"):
        read([given(tmp_path, NODES.replace("n003", "n004"), "a"), given(tmp_path, "host,tor\nn04,t\n", "b.csv")])


def test_labels_can_be_set_and_zones_tell_racks_of_one_name_apart(tmp_path: Path) -> None:
    items = [
        node("a", **{"dc/leaf": "r1", "topology.kubernetes.io__zone": "z1"}),
        node("b", **{"dc/leaf": "r1", "topology.kubernetes.io__zone": "z2"}),
        node("c", gpus=4, **{"dc/leaf": "r2", "topology.kubernetes.io__zone": "z2"}),
        node("d", ready="False", **{"dc/leaf": "r2", "topology.kubernetes.io__zone": "z2"}),
    ]
    path = given(tmp_path, json.dumps({"items": items, "kind": "List"}))
    value = read([path], Options(labels=("tor=dc/leaf",)))
    assert list(value.by_tor()) == ["z1-r1", "z2-r1", "r2"]
    assert value.unusable() == {"c": "has 4 GPUs, not 8"}
    assert value.hosts[3].down.startswith("not ready")
    for wrong in ("tor=other", "tower=x", "tor"):
        with pytest.raises(BadInput):
            read([path], Options(labels=(wrong,)))


def test_sinfo_names_a_node_for_every_partition(tmp_path: Path) -> None:
    text = "NODELIST   NODES PARTITION STATE \nn1             1     main* idle  \nn1             1       gpu idle  \n"
    value = read([given(tmp_path, text + "n2             1     main* drained \n")])
    assert [(host.name, host.down) for host in value.hosts] == [("n1", ""), ("n2", "drained")]


def test_slots_keep_their_numbers_and_gaps(tmp_path: Path) -> None:
    value = read([given(tmp_path, "host,tor,slot\na,t1,1\nb,t1,3\nc,t2,2\nd,t2,3\n")])
    assert value.slots(4, 1).names == ("a", "", "b", "", "c", "d")


def test_names_and_order_tell_tors(tmp_path: Path) -> None:
    path = given(tmp_path, "rack[1-2]n[01-03]-ib\n")
    assert list(read([path], Options(tor_from="rack[0-9]+")).by_tor()) == ["rack1", "rack2"]
    by_three = read([path], Options(nodes_per_tor=3)).by_tor()
    assert [host.name for host in by_three["tor1"]] == ["rack2n01-ib", "rack2n02-ib", "rack2n03-ib"]
    with pytest.raises(BadInput, match="fits no host name, rack1n01-ib"):
        read([path], Options(tor_from="row"))
    assert not read([path]).has_tors() and len(read([path]).slots(4, 1).tors) == 0


def test_a_name_a_line_needs_no_numbers(tmp_path: Path) -> None:
    assert [host.name for host in read([given(tmp_path, "alpha\nbeta.example.org\n")]).hosts] == [
        "alpha",
        "beta.example.org",
    ]


def test_our_own_form_round_trips(tmp_path: Path) -> None:
    value = read([given(tmp_path, NODES + TOPOLOGY)])
    again = read([given(tmp_path, dumps(value), "own.json")])
    bare = [Host(**host.as_dict()) for host in value.hosts]
    assert list(again.hosts) == bare and dumps(again) == dumps(value)


def test_placements_come_out_in_the_operators_names(tmp_path: Path) -> None:
    text = "host,tor,domain\n" + "".join(f"h{i:02d},leaf{i // 2},pod{i // 8}\n" for i in range(16) if i != 5)
    slots = read([given(tmp_path, text)]).slots(4, 2)
    assert slots.deployment.tors_per_domain == 4
    placed = Placement.on(slots).check()
    assert placed.missing == (5,) and placed.down_mask().sum() == 1
    (tmp_path / "p.json").write_text(placed.dumps())
    with_job = read_placement(tmp_path / "p.json").with_job(JobPlace("j", 8, ((0, 2), (1, 3))))
    files = emit(with_job, "slurm-tree").files
    assert "SwitchName=leaf2 Nodes=h04\n" in files["topology.conf"]
    assert "SwitchName=pod1 Switches=leaf[4-7]\n" in files["topology.conf"]
    again = read([given(tmp_path, files["topology.conf"], "topology.conf")]).slots(4, 2)
    assert {name for name in again.names if name} == {name for name in slots.names if name}
    assert again.tors == slots.tors and again.domains == slots.domains
    graph = read([given(tmp_path, emit(with_job, "topograph").files["graph.json"], "graph.json")]).slots(4, 2)
    assert graph.tors == slots.tors and graph.domains == slots.domains and len(graph.missing) == 1


BAD = {
    "empty": ("", "is empty"),
    "blank": ("\n \n", "is empty"),
    "prose": ("Dear team,\nplease find the hosts attached!\n", "no form that is known"),
    "binary": ("\x00\x01\x02\x03" * 9, "no form|not text"),
    "packed": ("\x1f\x08", "no form"),
    "a column too few": ("host,tor\na,t\nb\n", "line 3: has 1 columns where line 1 has 2"),
    "no hosts": ("tor,rack\nt,r\n", "no form|no column of hosts"),
    "twice": ("host,tor\na,t\nb,t\na,u\n", "a in line 4: stands twice .first in line 2"),
    "two domains": ("host,tor,pod\na,t,p\nb,t,q\n", "line 3: hangs under 'p'.*line 2.*'q'"),
    "one slot": ("host,tor,slot\na,t,1\nb,t,1\n", "slot 1 of t, as a does"),
    "slot of words": ("host,tor,slot\na,t,left\n", "line 2.*'left'"),
    "headings alone": ("host,tor\n", "names no host"),
    "JSON cut off": ('{"items": [{"kind": "Node", "metadata": ', "not JSON"),
    "JSON of pods": ('{"items":[{"kind":"Pod","metadata":{"name":"p"}}]}', "is a Pod"),
    "JSON of nothing": ('{"a": 1}', "no list of instances"),
    "no id": ('{"instances":[{"network_layers":["l"]}]}', "has no id"),
    "spines": (
        '{"instances":[{"id":"a","network_layers":["l","s"]},{"id":"b","network_layers":["l","t"]}]}',
        "under 's'",
    ),
    "another version": ('{"format":"roundelay-inventory","version":9,"hosts":[]}', "version 9"),
    "YAML of nothing": ("---\na: 1\n", "no tree or block"),
    "YAML cut off": ("- topology: t\n  tree: {\n", "is not YAML"),
    "two ToRs": ("SwitchName=a Nodes=n[1-2]\nSwitchName=b Nodes=n2\n", "line 2: the host n2 stands under a and b"),
    "switch twice": ("SwitchName=a Nodes=n1\nSwitchName=a Nodes=n2\n", "line 2: stands twice"),
    "broken range": ("SwitchName=a Nodes=n[3-1]\n", "range '3-1'"),
    "host list": ("t1: n[1-3\n", "line 1: host list"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    with pytest.raises(BadInput, match=message) as caught:
        read([given(tmp_path, text)])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_rack_of_ten_thousand_is_read_and_refused_where_it_leaves_all_others_empty(tmp_path: Path) -> None:
    rack = "SwitchName=big Nodes=n[00001-10000]\n"
    assert len(read([given(tmp_path, rack)]).slots(4, 2).names) == 10_000
    many = rack + "".join(f"SwitchName=t{i} Nodes=m{i}\n" for i in range(2000))
    with pytest.raises(BadInput, match="ToR big: has 10000 hosts"):
        read([given(tmp_path, many)]).slots(4, 2)
    with pytest.raises(BadInput, match=r"more than 1,000,000"):
        read([given(tmp_path, "SwitchName=big Nodes=n[1-99999999]\n")])


def test_a_huge_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """A NodeList of 40 MB: only what is wanted of a node stays."""
    path = tmp_path / "nodes.json"
    images = [{"names": [f"registry.example/{i}@sha256:{'0' * 64}"], "sizeBytes": 1} for i in range(100)]
    with path.open("w") as file:
        file.write('{"apiVersion": "v1", "items": [')
        for i in range(3000):
            item = node(f"n{i}", **{"topology.kubernetes.io__rack": f"r{i // 16}"})
            item["status"]["images"] = images
            file.write(("," if i else "") + json.dumps(item))
        file.write('], "kind": "List"}')
    assert path.stat().st_size > 3e7
    tracemalloc.start()
    value = read([path])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(value.hosts) == 3000 and peak < 12e6


def test_no_host_under_a_tor_is_said() -> None:
    with pytest.raises(BadInput, match="has none of 8 GPUs"):
        Inventory((Host("a", "t", gpus=4), Host("b", "t", gpus=4))).slots(8, 1)
