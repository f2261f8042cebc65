"""Dockerfile and compose.yaml: linted by the rules of `container_rules`, and held against the program."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from container_rules import _exec, compose_problems, instructions, problems
from roundelay.server.limits import Limits
from roundelay.server.verbs import serve

REPOSITORY = Path(__file__).resolve().parents[1]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
FLAGS = {flag for option in serve.params for flag in option.opts}


def test_the_container_files_pass_the_rules() -> None:
    assert problems(DOCKERFILE, REPOSITORY) == []
    assert compose_problems(COMPOSE, DOCKERFILE, REPOSITORY) == []


def commands() -> list[list[str]]:
    """The commands that the image and the compose file run."""
    made = [_exec(line.text) or [] for line in instructions(DOCKERFILE) if line.name == "CMD"]
    return made + [service["command"] for service in COMPOSE["services"].values()]


@pytest.mark.parametrize("command", commands(), ids=str)
def test_the_commands_are_those_of_the_program(command: list[str]) -> None:
    assert command[0] == "serve" and {word for word in command if word.startswith("--")} <= FLAGS
    assert "--open" not in command, "a key is asked for"
    assert serve.make_context("serve", command[1:]).params["host"] == "0.0.0.0"


def test_the_image_installs_extras_that_exist_and_copies_all_that_a_wheel_needs() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    (extras,) = re.findall(r"\[([a-z,]+)\]", " ".join(re.findall(r"pip install [^&]+", DOCKERFILE)))
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    copied = " ".join(line.text for line in instructions(DOCKERFILE) if line.name == "COPY")
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for needed in ("pyproject.toml", project["project"]["readme"], "src", *included):
        assert needed in copied
        assert f"!{needed}" in (REPOSITORY / ".dockerignore").read_text().splitlines(), f"{needed} is ignored"


def test_a_reply_may_end_before_the_container_is_stopped() -> None:
    for service in COMPOSE["services"].values():
        assert int(service["stop_grace_period"].removesuffix("s")) > Limits().drain_s


FINE = 'FROM a:1\nUSER 5\nHEALTHCHECK CMD ["true"]\n'


@pytest.mark.parametrize(("more", "words"), [
    ("FROM a", "needs a version"), ("FROM a:latest", "needs a version"), ("RUNS x", "is no instruction"),
    ("COPY nothing.txt /", "not in the context"), ("ADD x /", "is COPY"), ("WORKDIR here", "is relative"),
    ("CMD roundelay serve", "JSON array"), ("ENTRYPOINT []", "JSON array"),
    ("CMD [\"a\"]\nCMD [\"b\"]", "stands twice"),
    ("RUN sudo x", "sudo"), ("RUN cd /x && y", "WORKDIR"), ("RUN pip install x", "cache"),
    ("RUN apt-get update && apt-get install -y x", "--no-install-recommends"), ("RUN curl x | sh", "fetched"),
    ("ENV API_KEY=x", "secret"), ("EXPOSE 99999", "no port"), ("USER root", "root"), ("USER 0:0", "root"),
    ("HEALTHCHECK NONE", "stands twice"), ("HEALTHCHECK CMD true", "JSON array"),
    ("FROM b:2", "HEALTHCHECK is missing"), ("FROM b:2", "the last USER"),
])  # fmt: skip
def test_each_rule_finds_what_it_is_for(more: str, words: str, tmp_path: Path) -> None:
    assert problems(FINE, tmp_path) == []
    assert any(words in each for each in problems(FINE + more + "\n", tmp_path)), problems(FINE + more, tmp_path)


@pytest.mark.parametrize(("key", "value", "words"), [
    ("ports", ["8000:8000"], "open to the network"), ("ports", ["127.0.0.1:8000:9"], "not one of the image"),
    ("volumes", ["lost:/data"], "not declared"), ("environment", {"ROUNDELAY_API_KEYS": "secret"}, "asked for"),
    ("privileged", True, "unknown"), ("read_only", False, "more rights"), ("build", "elsewhere", "no Dockerfile"),
])  # fmt: skip
def test_each_rule_of_compose_finds_what_it_is_for(key: str, value: object, words: str) -> None:
    changed = {**COMPOSE, "services": {"roundelay": {**COMPOSE["services"]["roundelay"], key: value}}}
    assert any(words in each for each in compose_problems(changed, DOCKERFILE, REPOSITORY))
