"""Host lists as Slurm and ClusterShell write them, written and read: `node-[000-003,007]`, order kept.

Source: Slurm's hostlist(3) as in scontrol(1) show hostlist; ClusterShell's documentation of node sets.
ClusterShell itself is not used: it sorts and folds what it reads, and a placement needs the order that was given.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from roundelay.errors import BadInput

NUMBERED = re.compile(r"(.*?)([0-9]{1,9})")
MAX_HOSTS = 1_000_000
BRACKETS = re.compile(r"\[([^\[\]]*)\]")
RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?(?:/([0-9]{1,9}))?")
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


def expand(text: str, most: int = MAX_HOSTS) -> list[str]:
    """Return the names of a host list, in order: names and bracketed ranges, apart by commas or blanks.

    Brackets may stand several times and before a suffix, and a range may have a step: `rack[1-3]n[01-04]-ib`,
    `n[0-10/2]` (Slurm's and ClusterShell's forms). Raises `BadInput` for brackets that do not close, a wrong range,
    and more than `most` names.
    """
    names: list[str] = []
    for word in _words(text):
        pieces = BRACKETS.split(word)  # plain, inside of brackets, plain, ...
        count = 1
        choices: list[list[str]] = []
        for index, piece in enumerate(pieces):
            if index % 2 == 0 and set(piece) & set("[]"):
                raise BadInput("host list", text, f"cannot be read from {word[:20]!r}; correct it")
            choices.append(_numbers(piece, text, most) if index % 2 else [piece])
            count *= len(choices[-1])
        if len(names) + count > most:
            raise BadInput("host list", text, f"names more than {most:,} hosts; split it")
        names += map("".join, itertools.product(*choices))
    return names


def _words(text: str) -> list[str]:
    """Return the parts of a host list, cut at the commas and blanks that stand outside brackets."""
    parts = re.findall(r"(?:\[[^\[\]]*\]|[^\s,\[\]])+|,|[\[\]]", text)
    after_name, words = False, []
    for part in parts:
        if part == ",":
            if not after_name:
                raise BadInput("host list", text, "has a comma without a name before it; correct it")
        elif part in "[]":
            raise BadInput("host list", text, f"cannot be read from {text[text.index(part) :][:20]!r}; correct it")
        else:
            words.append(part)
        after_name = part != ","
    return words


def _numbers(inside: str, text: str, most: int) -> list[str]:
    """Return the numbers of a bracket's inside, zeros kept: `001-003,7`."""
    out: list[str] = []
    for part in inside.split(","):
        match = RANGE.fullmatch(part.strip())
        if match is None:
            raise BadInput("host list", text, f"has the range {part!r}; correct it")
        low, high, step = match[1], match[2] or match[1], int(match[3] or 1)
        if int(high) < int(low) or not step:
            raise BadInput("host list", text, f"has the range {part!r}; correct it")
        if len(out) + (int(high) - int(low)) // step >= most:
            raise BadInput("host list", text, f"names more than {most:,} hosts; split it")
        out += [f"{number:0{len(low)}d}" for number in range(int(low), int(high) + 1, step)]
    return out
