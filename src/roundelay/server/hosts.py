"""`--allow-host`: the names a server is reached by, in the Host header and in the Origin of pages (ours).

A name stands for itself with any port; `*.example.org` for every name below that one, `*` for any.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from roundelay.errors import BadInput

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OWN = ("localhost", "127.0.0.1", "[::1]")  # this machine's names, as they stand in a Host header
_NAME = re.compile(r"\*|(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")


def parse(given: str) -> str:
    """The name in a value of `--allow-host`: a name, a pattern, an address, or the URL of the page with its port.

    Raises `BadInput` for anything else.
    """
    text = given.strip().lower()
    if text.count(":") > 1 and "/" not in text and not text.startswith("["):
        text = f"[{text}]"  # an IPv6 address alone
    name = host_name(urlsplit(text).netloc if "://" in text else text.rstrip("/")).removesuffix(".")
    if not _NAME.fullmatch(name):
        raise BadInput("--allow-host", given, "give a name alone: voice.example.org, *.local, host.docker.internal")
    return name


def host_name(host: str) -> str:
    """The name in a Host header, in lower case and without the port; an IPv6 address keeps its brackets."""
    host = host.lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name (of `host_name`) is one of these names or patterns."""
    return any(each in ("*", name) or (each.startswith("*.") and name.endswith(each[1:])) for each in patterns)


def is_page_of(origin: str, patterns: Sequence[str]) -> bool:
    """Whether an Origin header is that of a page under one of these names, by http or https, at any port."""
    scheme, _, host = origin.partition("://")
    return scheme in ("http", "https") and matches(host_name(host), patterns)


def origin_regex(patterns: Sequence[str]) -> str | None:
    """The same as a regular expression, for CORS; None where there are no patterns."""
    if not patterns:
        return None
    names = [re.escape(each).replace(r"\*", r"[^/]+") for each in patterns]
    return rf"https?://({'|'.join(names)})(:\d+)?"
