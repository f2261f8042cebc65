"""Slurm's host lists, written and read: `node-[000-003,007]`, order kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from roundelay.errors import BadInput

NUMBERED = re.compile(r"(.*?)([0-9]{1,9})")
MAX_HOSTS_IN_RANGE = 65536  # Slurm's hostlist refuses a longer range


def compress(names: Sequence[str]) -> str:
    """Return one host list for `names`, in their order; consecutive numbers of equal width become ranges."""
    parts: list[str] = []
    prefix, width, ranges = "", 0, list[tuple[int, int]]()
    for name in names:
        match = NUMBERED.fullmatch(name)
        if match is None:
            parts += _close(prefix, width, ranges)
            ranges = []
            parts.append(name)
            continue
        stem, digits = match[1], match[2]
        number = int(digits)
        if ranges and (stem, len(digits)) == (prefix, width):
            low, high = ranges[-1]
            if number == high + 1 and number - low < MAX_HOSTS_IN_RANGE:
                ranges[-1] = (low, number)
            else:
                ranges.append((number, number))
            continue
        parts += _close(prefix, width, ranges)
        prefix, width, ranges = stem, len(digits), [(number, number)]
    return ",".join(parts + _close(prefix, width, ranges))


def _close(prefix: str, width: int, ranges: Iterable[tuple[int, int]]) -> list[str]:
    texts = [f"{a:0{width}d}" if a == b else f"{a:0{width}d}-{b:0{width}d}" for a, b in ranges]
    if not texts:
        return []
    if len(texts) == 1 and "-" not in texts[0]:
        return [prefix + texts[0]]
    return [f"{prefix}[{','.join(texts)}]"]


def expand(text: str) -> list[str]:
    """Return the names of a host list, in order; raises `BadInput` for brackets that do not close or a wrong range."""
    names: list[str] = []
    rest = text
    while rest:
        match = re.match(r"([^\[\],]*)(?:\[([0-9,-]+)\])?(?:,|$)", rest)
        if match is None or not match[0] or not (match[1] or match[2]):
            raise BadInput("host list", text, f"cannot be read from {rest[:20]!r}; correct it")
        if match[2] is None:
            names.append(match[1])
        else:
            for part in match[2].split(","):
                low, _, high = part.partition("-")
                if not low or not (high or low).isdecimal() or int(high or low) < int(low):
                    raise BadInput("host list", text, f"has the range {part!r}; correct it")
                names += [f"{match[1]}{number:0{len(low)}d}" for number in range(int(low), int(high or low) + 1)]
        rest = rest[match.end() :]
    return names
