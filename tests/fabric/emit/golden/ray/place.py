"""Make the placement group of placement_group.json beside this file; bundle i is the node of rank i."""

import json
from pathlib import Path

import ray
from ray.util.placement_group import placement_group

TIMEOUT_S = 600


def place():
    """Return the placement group, ready; raises ray's GetTimeoutError where nodes with these labels are missing."""
    group = placement_group(**json.loads(Path(__file__).with_name("placement_group.json").read_text()))
    ray.get(group.ready(), timeout=TIMEOUT_S)
    return group


if __name__ == "__main__":
    ray.init(address="auto")
    print(place().id.hex())
