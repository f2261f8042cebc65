"""The few groups that cross from one sub-line to the next where the sub-lines alone cannot hold them all.

Sub-line s ends beside the first ToR again, where sub-line s + 1 begins. A group there takes the last a free nodes of
the one and the first m - a of the other; one a seam is enough. The fewest are found by dynamic programming over the
seams, exactly where every sub-line has m free nodes; the rest of the job stays on its sub-lines, aligned. Ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from roundelay.fabric.placement import packing
from roundelay.fabric.topology.topology import KHopRing


@dataclass(frozen=True, slots=True)
class _Seams:
    """Groups so far, nodes taken from the end of each sub-line so far (0: none), for the fewest straddling groups."""

    groups: int
    taken: tuple[int, ...]


def straddling(ring: KHopRing, free_PT: np.ndarray, m: int, wanted: int) -> np.ndarray | None:
    """Return the fewest groups across seams, ring positions int [S, m], with which `wanted` groups fit in all.

    free_PT bool [p, T]: sub-line by ToR. None where one straddling group a seam is not enough.
    """
    rows, tors = free_PT.shape
    columns = [np.flatnonzero(row) for row in free_PT]

    @cache
    def groups(row: int, head: int, tail: int) -> int:
        if head + tail > len(columns[row]):
            return -wanted - rows
        line = np.ones(tors, dtype=bool)
        line[columns[row][head : len(columns[row]) - tail]] = False
        return packing.capacity(line, ring.k, m, closed=False)

    @cache
    def chain(row: int, tail: int) -> tuple[int, ...] | None:
        after = (row + 1) % rows
        if tail > len(columns[row]) or m - tail > len(columns[after]) or (after == 0 and not ring.closed):
            return None
        ends = columns[row][len(columns[row]) - tail :] + row * tors
        nodes = [*ends.tolist(), *(columns[after][: m - tail] + after * tors).tolist()]
        return None if ring.conflict(nodes) else tuple(nodes)

    best: dict[int, _Seams] = {}
    for head in range(m if ring.closed else 1):
        for (last, count), found in _over_seams(rows, m, head, groups, chain).items():
            if last == head and (count not in best or found.groups > best[count].groups):
                best[count] = found
    for count in sorted(best):
        if best[count].groups >= wanted:
            return np.array([chain(row, tail) for row, tail in enumerate(best[count].taken) if tail]).reshape(-1, m)
    return None


def _over_seams(
    rows: int,
    m: int,
    head: int,
    groups: Callable[[int, int, int], int],
    chain: Callable[[int, int], tuple[int, ...] | None],
) -> dict[tuple[int, int], _Seams]:
    """Return the most groups by (nodes taken from the sub-line after the last, straddling groups), all seams decided.

    `head` nodes are taken from the first sub-line; `groups(row, head, tail)` counts what a sub-line still holds.
    """
    states = {(head, 0): _Seams(0, ())}
    for row in range(rows):
        after: dict[tuple[int, int], _Seams] = {}
        for (taken, count), found in states.items():
            for tail in range(m):
                if tail and chain(row, tail) is None:
                    continue
                key = (m - tail if tail else 0, count + (tail > 0))
                total = found.groups + groups(row, taken, tail) + (tail > 0)
                if key not in after or total > after[key].groups:
                    after[key] = _Seams(total, (*found.taken, tail))
        states = after
    return states
