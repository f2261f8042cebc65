"""Which groups fit on free nodes of the ring, exactly: runs that can be cut anywhere, and sizes packed into them.

A free node whose next free neighbours stand exactly an odd K away on both sides needs one bundle for either: no group
passes through it, and none hops over it, as that takes 2K. It may end a group on its left or begin one on its right.
So a segment is cut before or after each such *pivot*, and any m nodes in a row of a run are realisable. Method: ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.fabric.topology.topology import segments

MAX_STATES, LONG_RUN = 500, 64  # of the packing of several sizes; beyond them it may miss a solution
Line = tuple[np.ndarray, list[int]]  # free positions in ring order, and the indices of the pivots among them
Counts = tuple[int, ...]  # groups of each size


@dataclass(frozen=True, slots=True)
class _Cut:
    """The last cut of a line, and those before it."""

    at: int
    before: _Cut | None


@dataclass(frozen=True, slots=True)
class _Filled:
    """The last run, the groups of each size in it, and the runs before it."""

    run: np.ndarray
    counts: Counts
    before: _Filled | None


def runs(unavailable_N: np.ndarray, k: int, m: int, closed: bool) -> list[np.ndarray]:
    """Return the free ring positions as runs that hold the most groups of m: len(run) // m each. O(nodes)."""
    out: list[np.ndarray] = []
    for segment in segments(unavailable_N, k, closed):
        lines = _lines(segment, k, len(unavailable_N), closed)
        cuts = [_most(len(line), pivots, m) for line, pivots in lines]
        best = max(range(len(lines)), key=lambda i: cuts[i][0])
        out += np.split(lines[best][0], cuts[best][1])
    return out


def capacity(unavailable_N: np.ndarray, k: int, m: int, closed: bool) -> int:
    """Return the most groups of m that the free positions can form at once."""
    return sum(len(run) // m for run in runs(unavailable_N, k, m, closed))


def pack(unavailable_N: np.ndarray, k: int, closed: bool, wanted: Mapping[int, int]) -> dict[int, np.ndarray] | None:
    """Return the wanted groups of each size m, as ring positions int [G, m]; None if they do not fit together.

    `wanted` counts groups by size. Exact while no run is longer than `LONG_RUN` and at most `MAX_STATES` fillings are
    open at once, and for sizes that divide each other.
    """
    sizes = tuple(sorted((m for m, count in wanted.items() if count), reverse=True))
    if not sizes:
        return {}
    parts = segments(unavailable_N, k, closed)
    if sum(map(len, parts)) < sum(m * wanted[m] for m in sizes):
        return None
    choices = [_lines(part, k, len(unavailable_N), closed) for part in parts]
    alone = choices[0] if len(choices) == 1 else None  # only a whole circle has two layouts
    for lines in [[line] for line in alone] if alone else [[each[0] for each in choices]]:
        found = _fill(lines, sizes, tuple(wanted[m] for m in sizes))
        if found is not None:
            return _chains(found, sizes)
    return None


def _lines(segment: np.ndarray, k: int, n: int, closed: bool) -> list[Line]:
    """Return the layouts of a segment on a line: one; two for a circle, whose first pivot may begin or end the line."""
    if k < 3 or k % 2 == 0 or len(segment) < 3:
        return [(segment, [])]
    hops = np.diff(segment, append=segment[0]) % n
    longest = hops == k
    pivot = longest & np.roll(longest, 1)
    if closed and 0 < hops[-1] <= k and pivot.any():
        turned = np.roll(segment, -int(np.flatnonzero(pivot)[0]))
        inner = np.flatnonzero(np.roll(pivot, -int(np.flatnonzero(pivot)[0])))[1:]
        return [(turned, inner.tolist()), (np.roll(turned, -1), (inner - 1).tolist())]
    pivot[[0, -1]] = False
    return [(segment, np.flatnonzero(pivot).tolist())]


def _most(length: int, pivots: Sequence[int], m: int) -> tuple[int, list[int]]:
    """Return (groups of m, cuts) of a line cut before or after each pivot so that it holds the most groups."""
    best: dict[int, tuple[int, _Cut | None]] = {0: (0, None)}  # by the last cut
    for pivot in pivots:
        best = {
            cut: max(((g + (cut - s) // m, _Cut(cut, cuts)) for s, (g, cuts) in best.items()), key=lambda one: one[0])
            for cut in (pivot, pivot + 1)
        }
    groups, last = max(((g + (length - s) // m, cuts) for s, (g, cuts) in best.items()), key=lambda one: one[0])
    cuts = []
    while last is not None:
        cuts.append(last.at)
        last = last.before
    return groups, cuts[::-1]


def _fill(lines: Sequence[Line], sizes: Counts, wanted: Counts) -> list[_Filled] | None:
    """Return runs and how many groups of each size go into each, together the wanted; None if they do not fit."""
    states: dict[tuple[int, Counts], _Filled | None] = {(0, (0,) * len(sizes)): None}
    for line, pivots in lines:
        for at, cuts in enumerate([*((p, p + 1) for p in pivots), (len(line),)]):
            after: dict[tuple[int, Counts], _Filled | None] = {}
            for (start, placed), before in states.items():
                left = tuple(w - p for w, p in zip(wanted, placed, strict=True))
                for cut in cuts:
                    for more in _fillings(cut - start, sizes, left):
                        total = tuple(p + q for p, q in zip(placed, more, strict=True))
                        where = 0 if at == len(pivots) else cut
                        after.setdefault((where, total), _Filled(line[start:cut], more, before))
            states = _thin(after, sizes)
    for (_, placed), last in states.items():
        if placed == wanted:
            out = []
            while last is not None:
                out.append(last)
                last = last.before
            return out[::-1]
    return None


def _fillings(room: int, sizes: Counts, left: Counts) -> list[Counts]:
    """Return the fillings of a run, the smallest size taking all it can; not all of them where it is long."""
    most = min(room // sizes[0], left[0])
    if len(sizes) == 1:
        return [(most,)]
    if all(large % small == 0 for large, small in itertools.pairwise(sizes)):
        fewest = most  # sizes that divide each other: the largest first is never worse
    else:
        fewest = 0 if room <= LONG_RUN else max(0, most - sizes[-1])
    return [
        (count, *rest)
        for count in range(most, fewest - 1, -1)
        for rest in _fillings(room - count * sizes[0], sizes[1:], left[1:])
    ]


def _thin(states: dict[tuple[int, Counts], _Filled | None], sizes: Counts) -> dict[tuple[int, Counts], _Filled | None]:
    """Return the states that no other of the same cut equals or beats in every size, `MAX_STATES` of the fullest."""
    order = sorted(states, key=lambda state: -sum(c * m for c, m in zip(state[1], sizes, strict=True)))
    kept: dict[tuple[int, Counts], _Filled | None] = {}
    for where, counts in order:
        if len(kept) == MAX_STATES:
            break
        if not any(w == where and all(x >= y for x, y in zip(c, counts, strict=True)) for w, c in kept):
            kept[(where, counts)] = states[(where, counts)]
    return kept


def _chains(found: Sequence[_Filled], sizes: Counts) -> dict[int, np.ndarray]:
    out: dict[int, list[np.ndarray]] = {m: [] for m in sizes}
    for filled in found:
        at = 0
        for m, count in zip(sizes, filled.counts, strict=True):
            out[m] += list(filled.run[at : at + m * count].reshape(-1, m))
            at += m * count
    return {m: np.array(chains, dtype=np.int64).reshape(-1, m) for m, chains in out.items()}
