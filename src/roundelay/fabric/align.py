"""Groups on parallel sub-lines so that equal ranks share a ToR: a dynamic program a row, rows in turn.

The cost of a placement is its number of distinct (ToR, rank) pairs: a group of m nodes whose ranks all meet their peers
of the other sub-lines costs nothing more, one that stands alone costs m, and no placement of d groups on p sub-lines
costs less than m * ceil(d / p). Given the pairs that the other rows use, the cheapest groups of one row for a reward a
group are found exactly by dynamic programming; rows are improved in turn, and the reward is searched for the groups
that are asked for. Method: ours; the paper (section 5, as remembered) aligns a prefix of the ToRs and searches its
length.
"""

from __future__ import annotations

import numpy as np
from numba import njit

SWEEPS = 2
REWARD_STEPS = 7
Found = tuple[int, np.ndarray, np.ndarray]  # cost, row [G], columns [G, m]
START_WORK, MAX_STARTS = 60_000, 200


@njit(cache=True)
def _row(healthy: np.ndarray, pairs: np.ndarray, k: int, m: int, reward: float, slot: np.ndarray) -> int:
    """Write to `slot` [T] the rank of each column in the row's cheapest groups (-1 unused); return their number.

    healthy bool [T]; pairs int [T, m], how many other rows use a (column, rank). O(T m k).
    """
    columns = healthy.size
    far = 1e18
    odd = k % 2 == 1 and k > 1
    value = np.full((columns, m), far)
    back = np.zeros((columns, m), dtype=np.uint8)
    done = np.zeros(columns + 1)  # best value of whole groups within the first t columns
    ends = np.zeros(columns + 1, dtype=np.bool_)
    for t in range(columns):
        done[t + 1] = done[t]
        if not healthy[t]:
            continue
        value[t, 0] = done[t] + (0.0 if pairs[t, 0] > 0 else 1.0)
        for j in range(1, m):
            best, hop = far, 0
            for h in range(1, min(k, t) + 1):
                if h == k and odd and back[t - h, j - 1] == k:
                    continue  # the two longest hops of an odd K share a bundle
                if value[t - h, j - 1] < best:
                    best, hop = value[t - h, j - 1], h
            if hop:
                value[t, j] = best + (0.0 if pairs[t, j] > 0 else 1.0)
                back[t, j] = hop
        if value[t, m - 1] - reward < done[t + 1]:
            done[t + 1] = value[t, m - 1] - reward
            ends[t + 1] = True
    slot[:] = -1
    groups, t = 0, columns
    while t > 0:
        if not ends[t]:
            t -= 1
            continue
        groups += 1
        here = t - 1
        for j in range(m - 1, 0, -1):
            slot[here] = j
            here -= back[here, j]
        slot[here] = 0
        t = here
    return groups


@njit(cache=True)
def _improve(healthy: np.ndarray, slots: np.ndarray, pairs: np.ndarray, k: int, m: int, reward: np.ndarray) -> int:
    """Find each row's groups anew, in turn, against the pairs of the others; update slots [p, T] and pairs [T, m]."""
    total = 0
    for s in range(healthy.shape[0]):
        for t in range(healthy.shape[1]):
            if slots[s, t] >= 0:
                pairs[t, slots[s, t]] -= 1
        total += _row(healthy[s], pairs, k, m, reward[s], slots[s])
        for t in range(healthy.shape[1]):
            if slots[s, t] >= 0:
                pairs[t, slots[s, t]] += 1
    return total


@njit(cache=True)
def _solve(
    healthy: np.ndarray, guide: np.ndarray, k: int, m: int, reward: np.ndarray, sweeps: int
) -> tuple[int, np.ndarray]:
    """Return groups and slots int16 [p, T] for a reward a row.

    The pairs of `guide` int32 [T, m] cost nothing in the first sweep and are forgotten after it.
    """
    slots = np.full(healthy.shape, -1, dtype=np.int16)
    pairs = guide.copy()
    total = _improve(healthy, slots, pairs, k, m, reward)
    pairs -= guide
    for _ in range(sweeps - 1):
        total = _improve(healthy, slots, pairs, k, m, reward)
    return total, slots


def _cut(columns: np.ndarray, k: int, m: int, tors: int) -> np.ndarray:
    """Return as pairs int32 [T, m] the greedy cut of ascending columns into groups of m with gaps of at most K."""
    segment = np.concatenate([[0], np.cumsum(np.diff(columns) > k)]) if len(columns) else columns
    starts = np.searchsorted(segment, segment)  # where the segment of each column begins
    place = np.arange(len(columns)) - starts
    lengths = np.bincount(segment, minlength=1)[segment] if len(columns) else columns
    whole = place < lengths // m * m
    pairs = np.zeros((tors, m), dtype=np.int32)
    pairs[columns[whole], place[whole] % m] = 1
    return pairs


def groups_of(slots: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups of slots [p, T] as (row [G], columns [G, m])."""
    row, column = np.nonzero(slots >= 0)  # row by row, columns ascending: a group is m entries in a run
    return row[::m], column.reshape(-1, m)


def cost(columns_Gm: np.ndarray) -> int:
    """Return the number of distinct (ToR, rank) pairs."""
    m = columns_Gm.shape[1]
    return len(np.unique(columns_Gm * m + np.arange(m))) if len(columns_Gm) else 0


def cost_bound(groups: int, m: int, rows: int) -> int:
    """Return the pairs below which no placement of so many groups can go."""
    return m * -(-groups // rows)


def _keep(row_G: np.ndarray, columns_Gm: np.ndarray, wanted: int, tors: int) -> np.ndarray:
    """Return the indices of the `wanted` groups whose ranks share their ToRs best, in order of place."""
    m = columns_Gm.shape[1]
    key = columns_Gm * m + np.arange(m)
    share = 1.0 / np.bincount(key.ravel(), minlength=tors * m)[key]
    order = np.lexsort((row_G, columns_Gm[:, 0], np.round(share.sum(axis=1), 9)))
    return np.sort(order[:wanted])


def aligned(healthy_PT: np.ndarray, k: int, m: int, wanted: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return `wanted` groups as (row [G], columns [G, m]) at the least cost found; None if the rows cannot hold them.

    healthy bool [p, T]: sub-line by ToR. Random starts are tried as often as the size allows: none on a large fabric,
    where chance evens out, dozens on a small one. The same input gives the same answer.
    """
    rows, tors = healthy_PT.shape
    if wanted == 0:
        return np.zeros(0, dtype=np.int64), np.zeros((0, m), dtype=np.int64)
    bound = cost_bound(wanted, m, rows)
    best: Found | None = None
    healthy_T = healthy_PT.sum(axis=0)
    for least in dict.fromkeys((rows, max(1, rows - 1))):
        guide = _cut(np.flatnonzero(healthy_T >= least), k, m, tors)
        found = _search(healthy_PT, guide, np.ones(rows), k, m, wanted)
        if found is None:
            return None
        best = found if best is None or found[0] < best[0] else best
        if best[0] <= bound:
            break
    assert best is not None
    rng = np.random.default_rng(rows * tors)
    for _ in range(min(START_WORK // (rows * tors * m), MAX_STARTS)):
        if best[0] <= bound:
            break
        best = _vary(healthy_PT, k, m, wanted, best, rng)
    return best[1:]


def _vary(healthy_PT: np.ndarray, k: int, m: int, wanted: int, best: Found, rng: np.random.Generator) -> Found:
    """Return the better of `best` and a search that starts from it with part forgotten, rows in another order."""
    rows, tors = healthy_PT.shape
    guide = np.zeros((tors, m), dtype=np.int32)
    guide[best[2], np.arange(m)] = 1
    first = rng.integers(tors)
    guide[first : first + rng.integers(1, tors + 1)] = 0
    guide[rng.random(guide.shape) < 0.1] = 0
    order = rng.permutation(rows)
    found = _search(healthy_PT[order], guide, np.exp(rng.normal(size=rows)), k, m, wanted)
    if found is None or found[0] > best[0]:
        return best
    return found[0], order[found[1]], found[2]


def _search(healthy_PT: np.ndarray, guide: np.ndarray, weight: np.ndarray, k: int, m: int, wanted: int) -> Found | None:
    """Return (cost, row, columns) from one guide, over rewards, by halving on a log scale; None if they cannot fit."""
    rows, tors = healthy_PT.shape
    best: Found | None = None
    low, high = 0.0, 0.0
    # A reward of 2m pays for a group that stands alone; only a job near the fabric's capacity needs the last one,
    # which pays for moving every other group of a row.
    for reward in (0.25, 2.0 * m, 4.0 * m * tors * rows):
        low, high = high, float(np.log(reward / weight.min()))
        best = _try(healthy_PT, guide, np.exp(high) * weight, k, m, wanted)
        if best is not None:
            break
    if best is None or low == 0.0:
        return best
    for _ in range(REWARD_STEPS):
        middle = (low + high) / 2
        found = _try(healthy_PT, guide, np.exp(middle) * weight, k, m, wanted)
        if found is None:
            low = middle
            continue
        high = middle
        best = found if found[0] < best[0] else best
    return best


def _try(healthy_PT: np.ndarray, guide: np.ndarray, reward: np.ndarray, k: int, m: int, wanted: int) -> Found | None:
    """Return the wanted groups that these rewards give, the costliest left out; None if they give too few."""
    groups, slots = _solve(healthy_PT, guide, k, m, reward, SWEEPS)
    if groups < wanted:
        return None
    row, columns = groups_of(slots, m)
    kept = _keep(row, columns, wanted, healthy_PT.shape[1])
    return cost(columns[kept]), row[kept], columns[kept]


@njit(cache=True)
def tuples(columns: np.ndarray, size: int, reach: int) -> np.ndarray:
    """Return an order [G] of groups in which each `size` in a row share as many (ToR, rank) pairs as can be.

    Greedy: the first group not taken is joined by those, among the next `reach`, that agree with it most.
    """
    count, m = columns.shape
    order = np.empty(count, dtype=np.int64)
    taken = np.zeros(count, dtype=np.bool_)
    filled, first = 0, 0
    while filled < count:
        while taken[first]:
            first += 1
        start = filled
        pick = first
        while pick >= 0:
            taken[pick] = True
            order[filled] = pick
            filled += 1
            pick = -1
            if filled - start == size or filled == count:
                break
            most, seen, i = -1, 0, first
            while i < count and seen < reach:
                if not taken[i]:
                    seen += 1
                    same = 0
                    for j in range(m):
                        for member in range(start, filled):
                            if columns[order[member], j] == columns[i, j]:
                                same += 1
                                break
                    if same > most:
                        most, pick = same, i
                i += 1
    return order
