"""Which groups move where free nodes and neighbours of one size are not enough: any group, of any size and job.

Sets of groups are tried, the smallest first and near the fault first, until the nodes they hold and the free ones take
them all and the hit group: every set of a small fabric, neighbouring groups of a large one, and in the end all groups.
So a repair is refused only where the healthy nodes cannot hold the groups at all (`packing.pack` is exact). Ours.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from math import comb

import numpy as np

from roundelay.fabric.placement import packing

EVERY_SET = 3000  # sets of one size that are all tried
SHORT, WORK = 4, 2_000_000  # rows of so many groups are tried everywhere, until so many nodes have been looked at
MATCHED = 64  # chains given to the groups that hold most of their nodes; more are given in ring order


def exchange(
    owner: np.ndarray, sizes: np.ndarray, hit: int, near: int, k: int, closed: bool, fewer_than: int | None = None
) -> dict[int, np.ndarray] | None:
    """Return new chains of the group `hit` and of the fewest others found, as ring positions; None if none fits.

    owner int [N]: the group at each position, -1 free, -2 down; `hit` holds none. sizes int [groups], in nodes; `near`
    is the position of the fault. With `fewer_than` only sets of fewer groups are tried.
    """
    groups, first = np.unique(owner, return_index=True)
    others = [int(g) for g in groups[np.argsort((first - near) % len(owner), kind="stable")] if g >= 0]
    work = 0
    for chosen in _sets(others, len(others) if fewer_than is None else fewer_than - 1):
        work += len(owner)
        if work > WORK and len(chosen) <= SHORT and len(chosen) < len(others):
            continue  # what is left are larger and larger neighbourhoods of the fault, then all groups
        usable = (owner == -1) | np.isin(owner, chosen)
        wanted = Counter(int(sizes[g]) for g in (hit, *chosen))
        chains = packing.pack(~usable, k, closed, wanted)
        if chains is not None:
            return _assign(owner, sizes, (*chosen, hit), chains)
        if fewer_than is not None and work > WORK:
            return None
    return None


def _sets(others: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Yield sets of groups by their number; of many groups only such that stand side by side, then all."""
    count = len(others)
    done: set[int] = set()
    for size in range(1, most + 1):
        if comb(count, size) <= EVERY_SET:
            done.add(size)
            yield from itertools.combinations(others, size)
        elif size <= SHORT:
            starts = sorted(range(count), key=lambda i: min(i, count - i))
            yield from (tuple(others[(start + i) % count] for i in range(size)) for start in starts)
        elif size & (size - 1) == 0:
            yield tuple(others[i] for i in range(-(size // 2), size - size // 2))
    if most == count and count not in done:
        yield tuple(others)


def _assign(
    owner: np.ndarray, sizes: np.ndarray, groups: Sequence[int], chains: dict[int, np.ndarray]
) -> dict[int, np.ndarray]:
    """Return the chain of each group: of its size, and with most of its nodes where that is quickly found."""
    out: dict[int, np.ndarray] = {}
    for size, chains_Gm in chains.items():
        mine = [g for g in groups if sizes[g] == size]
        left = list(chains_Gm)
        if len(mine) > MATCHED:
            place = dict(zip(*(values.tolist() for values in np.unique(owner, return_index=True)), strict=True))
            mine.sort(key=lambda g: place.get(g, len(owner)))
            out.update(zip(mine, sorted(left, key=lambda chain: int(chain[0])), strict=True))
            continue
        held = np.array([[int((owner[chain] == g).sum()) for chain in left] for g in mine])
        for _ in mine:
            row, column = np.unravel_index(int(held.argmax()), held.shape)
            out[mine[row]] = left[column]
            held[row, :] = -1
            held[:, column] = -1
    return out
