"""Kubernetes' objects against the real CRD schemas (emit/crd/README.md), and the rules that JSON Schema cannot say."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import emit_case
import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from roundelay.fabric.emit import lint
from roundelay.fabric.emit.kubernetes import GROUP, HBD, JOB, RING_INDEX, SEGMENT, node_labels
from roundelay.fabric.emit.targets import emit
from roundelay.fabric.emit.view import View
from roundelay.fabric.emit.yaml_text import document

CRD = Path(__file__).with_name("crd")
CASE = emit_case.placement()


def strict(schema: Any) -> Any:
    """Return the schema with every field it does not name forbidden, as the API server's strict validation has it."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        out.setdefault("additionalProperties", False)
    return out


def validator(kind: str) -> Draft202012Validator:
    """Return the validator of the one CRD that defines `kind`."""
    found = [crd for path in sorted(CRD.glob("*.yaml")) if (crd := yaml.safe_load(path.read_text()))]
    (crd,) = [crd for crd in found if crd["spec"]["names"]["kind"] == kind]
    (version,) = crd["spec"]["versions"]
    return Draft202012Validator(strict(version["schema"]["openAPIV3Schema"]))


def objects(target: str) -> list[dict[str, Any]]:
    files = emit(CASE, target, "llama").files
    texts = [text for name, text in files.items() if name.endswith(".yaml")]
    return [value for text in texts for value in yaml.safe_load_all(text)]


def by_kind(target: str, kind: str, group: str = "") -> list[dict[str, Any]]:
    return [value for value in objects(target) if value["kind"] == kind and value["apiVersion"].startswith(group)]


@pytest.mark.parametrize(("target", "kind", "group", "count"), [
    ("kueue", "Topology", "kueue", 1), ("kueue", "ResourceFlavor", "kueue", 1),
    ("volcano", "HyperNode", "topology", 3), ("volcano", "Job", "batch.volcano", 1),
])  # fmt: skip
def test_objects_are_what_their_crd_asks(target: str, kind: str, group: str, count: int) -> None:
    found = by_kind(target, kind, group)
    assert len(found) == count
    for value in found:
        validator(kind).validate(value)


def test_the_schemas_refuse_what_they_should() -> None:
    (topology,), (flavor,) = by_kind("kueue", "Topology"), by_kind("kueue", "ResourceFlavor")
    node, job = by_kind("volcano", "HyperNode")[0], by_kind("volcano", "Job")[0]
    spoilt = []
    for value, path, wrong in (
        (topology, ("spec", "levels", 0, "nodeLabel"), "two words"),
        (topology, ("spec", "level"), []),
        (flavor, ("spec", "topologyName"), "Upper"),
        (node, ("spec", "members", 0, "selector", "exactMatch", "name"), "Node_1"),
        (node, ("spec", "members", 0, "type"), "node"),
        (job, ("spec", "tasks", 0, "partitionPolicy", "totalPartitions"), 0),
    ):
        value = copy.deepcopy(value)
        place: Any = value
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = wrong
        spoilt.append(value)
    for value in spoilt:
        with pytest.raises(ValidationError):
            validator(value["kind"]).validate(value)


def test_kueues_own_rules() -> None:
    (topology,), (flavor,) = by_kind("kueue", "Topology"), by_kind("kueue", "ResourceFlavor")
    levels = [level["nodeLabel"] for level in topology["spec"]["levels"]]
    assert len(set(levels)) == len(levels) and levels[-1] == "kubernetes.io/hostname"
    assert flavor["spec"]["topologyName"] == topology["metadata"]["name"] and flavor["spec"]["nodeLabels"]
    (job,) = by_kind("kueue", "Job")
    notes = job["spec"]["template"]["metadata"]["annotations"]
    assert notes["kueue.x-k8s.io/podset-slice-required-topology"] in levels
    assert notes["kueue.x-k8s.io/podset-required-topology"] in levels
    assert job["spec"]["parallelism"] % int(notes["kueue.x-k8s.io/podset-slice-size"]) == 0


def test_a_kueue_slice_is_a_group_and_the_flavor_is_the_jobs_nodes() -> None:
    labels = node_labels(View.of(CASE, "llama"))
    (flavor,) = by_kind("kueue", "ResourceFlavor")
    chosen = [h for h, own in labels.items() if flavor["spec"]["nodeLabels"].items() <= own.items()]
    view = View.of(CASE, "llama")
    assert sorted(chosen) == sorted(view.hosts)
    for group in view.groups:
        (name,) = {labels[host][GROUP] for host in group}
        assert sorted(h for h, own in labels.items() if own.get(GROUP) == name) == sorted(group)
        assert [labels[host][RING_INDEX] for host in group] == ["0", "1", "2", "3"]


def test_volcanos_own_rules() -> None:
    (job,) = by_kind("volcano", "Job")
    (task,) = job["spec"]["tasks"]
    policy = task["partitionPolicy"]
    assert policy["totalPartitions"] * policy["partitionSize"] == task["replicas"] == job["spec"]["minAvailable"] == 8
    nodes = {value["metadata"]["name"]: value["spec"] for value in by_kind("volcano", "HyperNode")}
    top = [name for name, spec in nodes.items() if spec["tier"] == job["spec"]["networkTopology"]["highestTierAllowed"]]
    assert top == ["llama"]
    below = [member["selector"]["exactMatch"]["name"] for member in nodes["llama"]["members"]]
    assert all(nodes[name]["tier"] == policy["networkTopology"]["highestTierAllowed"] for name in below)
    hosts = [member["selector"]["exactMatch"]["name"] for name in below for member in nodes[name]["members"]]
    assert hosts == View.of(CASE, "llama").hosts
    for spec in nodes.values():
        assert all(len(member["selector"]) == 1 for member in spec["members"])


@pytest.mark.parametrize("target", ["kueue", "volcano"])
def test_a_pod_mounts_the_rank_file_and_knows_its_node(target: str) -> None:
    (config,) = by_kind(target, "ConfigMap")
    (job,) = by_kind(target, "Job")
    template = job["spec"]["template"] if target == "kueue" else job["spec"]["tasks"][0]["template"]
    spec = template["spec"]
    assert spec["volumes"][0]["configMap"]["name"] == config["metadata"]["name"]
    assert config["data"]["ranks.tsv"] == emit(CASE, "torchrun", "llama").files["ranks.tsv"]
    (container,) = spec["containers"]
    assert container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 4


def test_only_unallocated_groups_are_relabelled() -> None:
    labels = node_labels(View.of(CASE, "llama"))
    others = {CASE.host(node) for node in CASE.rank_order("other")}
    assert labels.keys() == {CASE.host(node) for node in range(24)} - others
    script = emit(CASE, "labels", "llama").files["labels.sh"]
    assert not any(host in script for host in others)
    for host, own in labels.items():
        assert (JOB in own) == (host in View.of(CASE, "llama").hosts) and HBD in own
        assert (SEGMENT in own) == (host not in {CASE.host(node) for node in CASE.down})


def test_one_server_side_apply_sets_the_labels_of_the_living() -> None:
    files = emit(CASE, "labels", "llama").files
    labels = node_labels(View.of(CASE, "llama"))
    nodes = list(yaml.safe_load_all(files["labels.yaml"]))
    applied = {node["metadata"]["name"]: node["metadata"]["labels"] for node in nodes}
    assert applied == {host: own for host, own in labels.items() if SEGMENT in own}
    assert {node["kind"] for node in nodes} == {"Node"}
    lines = [line for line in files["labels.sh"].splitlines() if line.startswith("kubectl")]
    assert lines[0].startswith("kubectl apply --server-side --field-manager=roundelay") and len(lines) == 2
    dead = sorted(CASE.host(node) for node in CASE.down)
    assert sorted(lines[1].split(" --overwrite")[0].split()[3:]) == dead, "an applied dead node would be made anew"
    assert all(f"{key}-" in lines[1] for key in (SEGMENT, GROUP, RING_INDEX, JOB)) and lines[1].endswith("|| true")
    assert files["labels.yaml"] == emit(CASE, "kueue", "llama").files["labels.yaml"]


def test_topographs_labels_are_one_apply_too() -> None:
    emitted = emit(CASE, "topograph", "llama")
    nodes = {
        node["metadata"]["name"]: node["metadata"]["labels"]
        for node in yaml.safe_load_all(emitted.files["labels.yaml"])
    }
    instances = {each["id"]: each for each in json.loads(emitted.files["graph.json"])["instances"]}
    assert nodes.keys() == instances.keys()
    for host, labels in nodes.items():
        assert set(instances[host]["network_layers"]) <= set(labels.values())
        assert instances[host].get("labels", {}).items() <= labels.items()
    assert emitted.commands[0].startswith("kubectl apply --server-side --field-manager=roundelay-topograph")


@pytest.mark.parametrize("target", ["kueue", "volcano"])
def test_ranks_over_the_limit_of_a_config_map_go_on_in_another(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = emit(CASE, "torchrun", "llama").files
    monkeypatch.setattr(lint, "CONFIG_MAP_BYTES", len(whole["run.sh"]) + 200)
    maps = by_kind(target, "ConfigMap")
    assert len(maps) > 1 and len({each["metadata"]["name"] for each in maps}) == len(maps)
    files = [pair for each in maps for pair in each["data"].items() if pair[0] != "run.sh"]
    assert "".join(text for _, text in files) == whole["ranks.tsv"] and len(dict(files)) == len(files)
    for each in maps:
        assert sum(len(text) for text in each["data"].values()) <= lint.CONFIG_MAP_BYTES
    (job,) = by_kind(target, "Job")
    template = job["spec"]["template"] if target == "kueue" else job["spec"]["tasks"][0]["template"]
    sources = template["spec"]["volumes"][0]["projected"]["sources"]
    assert [source["configMap"]["name"] for source in sources] == [each["metadata"]["name"] for each in maps]


def test_run_sh_reads_all_parts_of_the_rank_file(tmp_path: Path) -> None:
    files = emit(CASE, "torchrun", "llama").files
    lines = files["ranks.tsv"].splitlines(keepends=True)
    (tmp_path / "ranks.tsv").write_text("".join(lines[:3]))
    (tmp_path / "ranks-1.tsv").write_text("".join(lines[3:]))
    (tmp_path / "run.sh").write_text(files["run.sh"].replace("exec torchrun", "echo"))
    for line in lines[1:]:
        rank, host, *_ = line.split("\t")
        out = subprocess.run(
            ["bash", tmp_path / "run.sh"],
            env={"NODE_NAME": host, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        ).stdout
        assert f"--node-rank={rank} " in out


ODD = [
    "1e3",
    "12E4",
    "0o17",
    "0x1f",
    "007",
    "1_0",
    ".5",
    "y",
    "No",
    "on",
    "null",
    "~",
    "2024-01-02",
    "1:30",
    "+1",
    "-1",
    "true",
    ".inf",
]


@pytest.mark.parametrize("name", [*ODD, ""])
def test_a_name_that_yaml_could_read_otherwise_is_quoted(name: str) -> None:
    text = document({"name": name})
    assert text in (f"name: '{name}'\n", f'name: "{name}"\n')
    assert yaml.safe_load(text) == {"name": name}
    assert document({"name": "node-1e3"}) == "name: node-1e3\n"


def test_hosts_named_like_numbers_stay_names() -> None:
    names = [f"{i}e3" for i in range(CASE.deployment.nodes)]
    named = replace(CASE, hosts=tuple(names))
    for target in ("kueue", "volcano", "labels", "slurm-block", "slurm-tree", "slurm-ring"):
        for name, text in emit(named, target, "llama").files.items():
            if name.endswith(".yaml"):
                bare = re.findall(r"(?m)^\s*(?:- |\w+: )(\d+e3)$", text)
                assert not bare, (target, name, bare)


def test_every_label_has_kubernetes_syntax() -> None:
    key = re.compile(
        r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
    )
    lines = emit(CASE, "labels", "llama").files["labels.tsv"].splitlines()
    assert lines
    for line in lines:
        _, name, value = line.split("\t")
        assert (
            key.fullmatch(name)
            and len(value) <= 63
            and re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", value)
        )
