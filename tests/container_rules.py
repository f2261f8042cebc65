"""A small linter of container files: what hadolint would say of the few instructions used here (ours)."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSTRUCTIONS = {"FROM", "RUN", "CMD", "LABEL", "EXPOSE", "ENV", "ADD", "COPY", "ENTRYPOINT", "VOLUME", "USER",
                "WORKDIR", "ARG", "STOPSIGNAL", "HEALTHCHECK", "SHELL"}  # fmt: skip
SECRET = re.compile(r"(KEY|PASSWORD|TOKEN|SECRET)", re.IGNORECASE)
SERVICE = {"build", "image", "command", "environment", "ports", "volumes", "tmpfs", "read_only", "init", "cap_drop",
           "security_opt", "mem_limit", "restart", "stop_grace_period", "healthcheck", "user"}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One instruction: its name, its words, the stage it stands in."""

    name: str
    text: str
    stage: int


def instructions(text: str) -> list[Line]:
    """The instructions of a Dockerfile, continued lines joined and comments left out."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found, stage = list[Line](), -1
    for line in re.sub(r"\\\n\s*", " ", kept).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            stage += name.upper() == "FROM"
            found.append(Line(name.upper(), rest.strip(), stage))
    return found


def problems(text: str, context: Path) -> list[str]:
    """What is wrong with a Dockerfile whose build context is that folder."""
    lines = instructions(text)
    last = [line for line in lines if line.stage == max((each.stage for each in lines), default=0)]
    found = [f"{line.name} {line.text}: {words}" for line in lines for words in _of_line(line, context)]
    if not lines or lines[0].name not in ("FROM", "ARG"):
        found.append("the first instruction is not FROM")
    once = ("CMD", "ENTRYPOINT", "HEALTHCHECK")
    found += [f"{name} stands twice" for name in once if sum(line.name == name for line in last) > 1]
    if not any(line.name == "HEALTHCHECK" and line.text != "NONE" for line in last):
        found.append("HEALTHCHECK is missing")
    user = [line.text for line in last if line.name == "USER"]
    if not user or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user[-1]):
        found.append("the last USER is not the number of someone other than root")
    return found


def _of_line(line: Line, context: Path) -> Iterator[str]:
    name, text = line.name, line.text
    if name not in INSTRUCTIONS:
        yield "is no instruction"
    elif name == "FROM" and not re.match(r"\S+(:(?!latest\b)[\w.-]+|@sha256:[0-9a-f]{64})(\s|$)", text):
        yield "needs a version that is not latest"
    elif name == "WORKDIR" and not text.startswith("/"):
        yield "is relative"
    elif name == "ADD":
        yield "is COPY where it is a file of the context"
    elif name == "COPY" and "--from" not in text:
        yield from (f"{each} is not in the context" for each in _words(text)[:-1] if not list(context.glob(each)))
    elif name in ("CMD", "ENTRYPOINT", "HEALTHCHECK") and text != "NONE":
        if _exec(text.partition("CMD ")[2] if name == "HEALTHCHECK" else text) is None:
            yield "is not in the form of a JSON array"
    elif name == "EXPOSE" and not all(each.isdigit() and 0 < int(each) < 65536 for each in text.split()):
        yield "is no port"
    elif name in ("ENV", "ARG") and SECRET.search(text):
        yield "keeps a secret in the image"
    elif name == "RUN":
        yield from _of_run(text)


def _of_run(text: str) -> Iterator[str]:
    if re.search(r"\bsudo\b", text):
        yield "sudo"
    if re.search(r"(^|&&\s*)cd ", text):
        yield "cd belongs into WORKDIR"
    if re.search(r"\bpip3? (install|wheel)\b", text) and "--no-cache-dir" not in text:
        yield "pip keeps its cache in the image"
    if re.search(r"\b(curl|wget)\b.*\|\s*(ba)?sh", text):
        yield "runs what it has just fetched"
    if "apt-get install" in text:
        wanted = ("-y", "--no-install-recommends", "apt-get update", "rm -rf /var/lib/apt/lists")
        yield from (f"apt-get install without {word}" for word in wanted if word not in text)


def _words(text: str) -> list[str]:
    return [word for word in shlex.split(text) if not word.startswith("--")]


def _exec(text: str) -> list[str] | None:
    """The words of an instruction in exec form; None for another form."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) and value and all(isinstance(each, str) for each in value) else None


def compose_problems(document: Any, dockerfile: str, context: Path) -> list[str]:
    """What is wrong with a compose file, and where it does not fit the Dockerfile."""
    found = list[str]()
    lines = instructions(dockerfile)
    exposed = {port for line in lines if line.name == "EXPOSE" for port in line.text.split()}
    kept = {line.text for line in lines if line.name == "VOLUME"}
    volumes = document.get("volumes") or {}
    for name, service in (document.get("services") or {"": {}}).items():
        found += [f"{name}: {key} is unknown" for key in service if key not in SERVICE]
        if not (context / str(service.get("build", "nowhere")) / "Dockerfile").is_file():
            found.append(f"{name}: build leads to no Dockerfile")
        for port in service.get("ports", ()):
            match = re.fullmatch(r"([\d.]+):\d+:(\d+)", port)
            if match is None or match[1] != "127.0.0.1" or match[2] not in exposed:
                found.append(f"{name}: port {port} is open to the network, or is not one of the image")
        for mount in service.get("volumes", ()):
            source, _, target = mount.partition(":")
            if source not in volumes or target not in kept:
                found.append(f"{name}: volume {mount} is not declared, or is not one of the image")
        for key, value in (service.get("environment") or {}).items():
            if SECRET.search(key) and not re.fullmatch(r"\$\{\w+:\?[^}]+\}", str(value)):
                found.append(f"{name}: {key} must be asked for: ${{{key}:?why}}")
        if service.get("cap_drop") != ["ALL"] or not service.get("read_only"):
            found.append(f"{name}: has more rights than it needs")
    return found
