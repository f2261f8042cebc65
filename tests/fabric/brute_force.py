"""What fits on a small ring, by trying everything: chains as bit masks, no solver. Judges packing and repair."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache

import numpy as np

from roundelay.fabric.topology.topology import Fabric, KHopRing


def chains(free: np.ndarray, k: int, m: int, closed: bool) -> frozenset[int]:
    """Return the sets of m free positions that some order makes realisable, as bit masks; ascending orders suffice."""
    n = len(free)
    ring = KHopRing(Fabric(n, 8), k, closed)
    out = set()
    for start, hops in itertools.product(range(n), itertools.product(range(1, k + 1), repeat=m - 1)):
        chain = [start, *(start + hop for hop in itertools.accumulate(hops))]
        if chain[-1] >= (start + n if closed else n):
            continue
        chain = [position % n for position in chain]
        if free[chain].all() and ring.conflict(chain) is None:
            out.add(sum(1 << position for position in chain))
    return frozenset(out)


def fit(free: np.ndarray, k: int, closed: bool, sizes: Sequence[int]) -> bool:
    """Return whether groups of these sizes fit on the free positions together."""
    of = {m: chains(free, k, m, closed) for m in set(sizes)}

    @cache
    def place(taken: int, left: tuple[int, ...]) -> bool:
        if not left:
            return True
        return any(place(taken | chain, left[1:]) for chain in of[left[0]] if not taken & chain)

    return place(0, tuple(sorted(sizes, reverse=True)))


def most(free: np.ndarray, k: int, m: int, closed: bool) -> int:
    """Return the most groups of m that fit."""
    return next(g for g in range(int(free.sum()) // m, -1, -1) if fit(free, k, closed, [m] * g))


def fewest_moved(down: np.ndarray, groups: Sequence[Sequence[int]], hit: int, k: int, closed: bool) -> int | None:
    """Return the fewest groups besides the hit one that must move after a fault; None if the groups do not fit.

    down bool [N], positions; groups hold positions.
    """
    others = [i for i in range(len(groups)) if i != hit]
    for count in range(len(others) + 1):
        for moved in itertools.combinations(others, count):
            free = ~down
            free[[p for i in others if i not in moved for p in groups[i]]] = False
            if fit(free, k, closed, [len(groups[i]) for i in (hit, *moved)]):
                return count
    return None
