"""The placement group before a real Ray: nodes started in no order, bundles in rank order."""

from __future__ import annotations

import json
import random
import runpy
from pathlib import Path

import pytest

from roundelay.fabric.emit import folder
from roundelay.fabric.emit.targets import emit
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.topology.deployment import Deployment


def test_ray_puts_each_bundle_on_the_node_of_its_rank(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="ray is not installed; the selectors are tested without it in test_emit.py")
    clusters = pytest.importorskip("ray.cluster_utils")
    case = Placement(Deployment.of(8, 4, 2), (JobPlace("j", 8, ((4, 5), (0, 1))),)).check()
    folder.write(tmp_path / "out", emit(case, "ray").files, {})
    lines = [line.split("\t") for line in (tmp_path / "out" / "start.tsv").read_text().splitlines()]
    labels = {h: dict(p.split("=") for p in line.partition("--labels=")[2].split(",")) for h, line in lines}
    order = list(labels)
    random.Random(3).shuffle(order)
    assert order != list(labels)
    cluster = clusters.Cluster()
    try:
        started = {cluster.add_node(num_cpus=1, num_gpus=4, labels=labels[host]).node_id: host for host in order}
        ray.init(address=cluster.address, log_to_driver=False)
        group = runpy.run_path(str(tmp_path / "out" / "place.py"))["place"]()
        nodes = ray.util.placement_group_table(group)["bundles_to_node_id"]
        bundles = json.loads((tmp_path / "out" / "placement_group.json").read_text())["bundles"]
        assert [started[nodes[index]] for index in range(len(bundles))] == list(labels)
    finally:
        ray.shutdown()
        cluster.shutdown()
