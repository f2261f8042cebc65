"""What the schedulers reject, checked before anything is written: one line each, by the rules of their own documents.

Slurm: slurm.conf(5), topology.conf(5). Kubernetes: RFC 1123 names, label syntax. Ray takes Kubernetes' label syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from roundelay.errors import BadInput

# Slurm builds and splits host lists by these characters, and reads these words as something else than a node.
SLURM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SLURM_WORDS = {"default", "all", "none", "localhost"}
SLURM_NAME_CHARS = 64
SLURM_RING_NODES = 16

LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_CHARS, DNS_LABEL_CHARS, DNS_NAME_CHARS = 63, 63, 253
CONFIG_MAP_BYTES = 1 << 20

HOST_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9])?")


def distinct(names: Iterable[str], what: str) -> None:
    """Raise `BadInput` for the first name that stands twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadInput(what, name, "stands twice; give every one its own name")
        seen.add(name)


def job_name(name: str) -> str:
    """Return `name`; raises `BadInput` where it could not stand in a file's comment, a group's name and a command."""
    if not SLURM_NAME.fullmatch(name) or len(name) > DNS_NAME_CHARS:
        raise BadInput("job", repr(name), "takes letters, digits, '.', '_' and '-' after a letter or digit; rename it")
    return name


def slurm_names(names: Iterable[str], what: str) -> None:
    """Raise `BadInput` for a name that Slurm's files cannot hold, or that stands twice."""
    names = list(names)
    for name in names:
        if not SLURM_NAME.fullmatch(name):
            raise BadInput(
                what, name, "Slurm takes letters, digits, '.', '_' and '-' after a letter or digit; rename it"
            )
        if name.isdecimal() or name.lower() in SLURM_WORDS:
            raise BadInput(what, name, "Slurm does not read it as a node's name; rename it")
        if len(name) > SLURM_NAME_CHARS:
            raise BadInput(what, name, f"is longer than Slurm's {SLURM_NAME_CHARS} characters; rename it")
    distinct(names, what)


def host_names(names: Iterable[str]) -> None:
    """Raise `BadInput` for a host that is no name or address, or stands twice: a host file separates by blanks."""
    names = list(names)
    for name in names:
        if not HOST_NAME.fullmatch(name):
            raise BadInput("host", name, "is no host name; rename it in the placement's hosts")
    distinct(names, "host")


def label_value(value: str, what: str) -> str:
    """Return `value`; raises `BadInput` where Kubernetes (or Ray) would not take it as a label's value."""
    if len(value) > LABEL_CHARS:
        raise BadInput(what, value, f"is longer than a label's {LABEL_CHARS} characters; give a shorter name")
    if not LABEL_VALUE.fullmatch(value):
        raise BadInput(
            what, value, "a label takes letters, digits, '-', '_' and '.' between letters or digits; rename it"
        )
    return value


def dns_name(value: str, what: str) -> str:
    """Return `value`; raises `BadInput` where it is no RFC 1123 subdomain, as Kubernetes asks of objects and nodes."""
    if len(value) > DNS_NAME_CHARS or not DNS_NAME.fullmatch(value):
        raise BadInput(what, value, "Kubernetes takes lower-case letters, digits, '-' and '.', at most 253; rename it")
    return value


def dns_label(value: str, what: str, room: int = 0) -> str:
    """Return `value`; raises `BadInput` where it is no RFC 1123 label that leaves `room` characters for a suffix."""
    if len(value) > DNS_LABEL_CHARS - room or not DNS_LABEL.fullmatch(value):
        most = DNS_LABEL_CHARS - room
        raise BadInput(what, value, f"Kubernetes takes lower-case letters, digits and '-', at most {most}; rename it")
    return value
