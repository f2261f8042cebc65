"""placement.json against its published JSON Schema, and the schema against what is none."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import Any

import emit_case
import pytest
from jsonschema import Draft202012Validator, ValidationError

from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.topology.deployment import Deployment

SCHEMA = json.loads(files("roundelay.fabric.specs").joinpath("placement.schema.json").read_text(encoding="utf-8"))
HOSTS = tuple(f"rack{node // 2}-{node % 2}" for node in range(24))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "case", [emit_case.placement(), emit_case.placement(HOSTS), Placement(Deployment.of(3, 4, 1), ())]
)
def test_what_a_placement_writes_is_valid(case: Placement) -> None:
    Draft202012Validator(SCHEMA).validate(json.loads(case.dumps()))


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("format",), "placement"),
        (("version",), 2),
        (("epoch",), -1),
        (("fabric", "k"), 0),
        (("fabric", "closed"), 1),
        (("down", 0), -3),
        (("down", 0), 1.5),
        (("jobs", 0, "tp"), "16"),
        (("jobs", 0, "groups", 0, "nodes", 0), 20),  # stands there already
        (("jobs", 0, "groups", 0, "paths", 0, 0), 3),
        (("surplus",), 0),
    ],
)
def test_what_is_none_is_refused(path: tuple[Any, ...], wrong: object) -> None:
    value = copy.deepcopy(emit_case.placement().as_dict())
    place: Any = value
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = wrong
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(value)


def test_no_field_is_dispensable() -> None:
    whole = emit_case.placement().as_dict()
    for key in whole.keys() - {"log"}:  # files of before the log have none
        with pytest.raises(ValidationError):
            Draft202012Validator(SCHEMA).validate({other: whole[other] for other in whole if other != key})
