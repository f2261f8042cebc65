"""What fits on a small ring, by trying everything: chains as bit masks, no solver. Judges packing and repair."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache

import numpy as np

from roundelay.fabric.topology.topology import Fabric, KHopRing


def chains(free: np.ndarray, k: int, m: int, closed: bool) -> dict[int, list[int]]:
    """Return the realisable chains of m free positions by their bit mask; ascending orders suffice."""
    n = len(free)
    ring = KHopRing(Fabric(n, 8), k, closed)
    out = {}
    for start, hops in itertools.product(range(n), itertools.product(range(1, k + 1), repeat=m - 1)):
        chain = [start, *(start + hop for hop in itertools.accumulate(hops))]
        if chain[-1] >= (start + n if closed else n):
            continue
        chain = [position % n for position in chain]
        if free[chain].all() and ring.conflict(chain) is None:
            out[sum(1 << position for position in chain)] = chain
    return out


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


def least_crossing(free: np.ndarray, tors: int, k: int, closed: bool, m: int, groups: int) -> int:
    """Return the fewest crossings of `groups` groups in rings of as many in a row as a ToR has nodes; they must fit."""
    of = chains(free, k, m, closed)
    masks, size = list(of), len(free) // tors
    best = [groups * m + 1]

    def ring(taken: int, left: int, spent: int) -> None:
        if left == 0:
            best[0] = min(best[0], spent)
            return
        join(taken, left, spent, [], 0)

    def join(taken: int, left: int, spent: int, members: list[int], start: int) -> None:
        if len(members) == min(size, left):
            kinds = [len({of[mask][rank] % tors for mask in members}) for rank in range(m)]
            cost = spent + sum(kind for kind in kinds if kind > 1)
            if cost < best[0]:
                ring(taken, left - len(members), cost)
            return
        for at in range(start, len(masks)):
            if best[0] == spent:
                return
            if not masks[at] & taken:
                join(taken | masks[at], left, spent, [*members, masks[at]], at + 1)

    ring(0, groups, 0)
    return best[0]
