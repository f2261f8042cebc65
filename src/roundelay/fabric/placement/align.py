"""Groups on parallel sub-lines so that equal ranks share a ToR: a dynamic program a row, rows in turn.

The cost of a placement is its number of distinct (ToR, rank) pairs: a group of m nodes whose ranks all meet their peers
of the other sub-lines costs nothing more, one that stands alone costs m, and no placement of d groups on p sub-lines
costs less than m * ceil(d / p). Given the pairs that the other rows use, the cheapest groups of one row for a reward a
group are found exactly by dynamic programming; rows are improved in turn, and the reward is searched for the groups
that are asked for. Method: ours; the paper (arXiv 2502.03885, section 5) aligns a prefix of the ToRs and searches its
length.
"""

from __future__ import annotations

import numpy as np
from numba import njit

SWEEPS = 2
SMALL_WORK = 40_000  # states of the exact row program up to which groups may interleave
TIGHT_WORK = 8_000_000  # the same where nearly every node is used
REWARD_STEPS = 7
Candidate = tuple[int, np.ndarray, np.ndarray]  # cost, row [G], columns [G, m]
START_WORK, MAX_STARTS = 60_000, 200


@njit(cache=True)
def _row(
    healthy: np.ndarray, pairs: np.ndarray, price: np.ndarray, k: int, m: int, reward: float, slot: np.ndarray
) -> int:
    """Write to `slot` the row's cheapest groups, one behind the other; return their number.

    healthy bool [T]; pairs int [T, m], how many other rows use a (column, rank); price float [T] of using one first.
    slot int16 [T, 2]: the rank of each column (-1 unused) and the hop back to the rank before. O(T m k).
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
        value[t, 0] = done[t] + (0.0 if pairs[t, 0] > 0 else price[t])
        for j in range(1, m):
            best, hop = far, 0
            for h in range(1, min(k, t) + 1):
                if h == k and odd and back[t - h, j - 1] == k:
                    continue  # the two longest hops of an odd K share a bundle
                if value[t - h, j - 1] < best:
                    best, hop = value[t - h, j - 1], h
            if hop:
                value[t, j] = best + (0.0 if pairs[t, j] > 0 else price[t])
                back[t, j] = hop
        if value[t, m - 1] - reward < done[t + 1]:
            done[t + 1] = value[t, m - 1] - reward
            ends[t + 1] = True
    slot[:, 0] = -1
    slot[:, 1] = 0
    groups, t = 0, columns
    while t > 0:
        if not ends[t]:
            t -= 1
            continue
        groups += 1
        here = t - 1
        for j in range(m - 1, -1, -1):
            slot[here, 0] = j
            slot[here, 1] = back[here, j]
            here -= back[here, j]
            t = here
    return groups


@njit(cache=True)
def _interleaved_row(
    healthy: np.ndarray, pairs: np.ndarray, price: np.ndarray, k: int, m: int, reward: float, slot: np.ndarray
) -> int:
    """As `_row`, but groups may interleave: exact, and for small fabrics only. O(T (2m-1)^K K).

    A state has a digit for each of the last K columns: 0, or the rank that an open group whose last node stands there
    needs next, and whether the longest hop led to it.
    """
    columns, base = healthy.size, 2 * m - 1
    states = base**k
    odd = k % 2 == 1 and k > 1
    value = np.full((columns + 1, states), 1e18)
    back = np.zeros((columns + 1, states), dtype=np.int64)
    hops = np.full((columns + 1, states), -1, dtype=np.int8)  # -1 unused, 0 begins a group, else the hop back
    ranks = np.zeros((columns + 1, states), dtype=np.int16)
    value[0, 0] = 0.0
    top = base ** (k - 1)
    for t in range(columns):
        for s in range(states):
            if value[t, s] >= 1e18:
                continue
            oldest = s // top
            for h in range(-1, k + 1 if healthy[t] else 0):
                if oldest != 0 and h != k:
                    continue
                rest, rank, digit, gain = s, 0, 0, 0.0
                if h > 0:
                    place = base ** (h - 1)
                    held = s // place % base
                    if held == 0 or (h == k and odd and (held - 1) % 2 == 1):
                        continue
                    rank = (held - 1) // 2 + 1
                    rest = s - held * place
                if h >= 0:
                    gain = 0.0 if pairs[t, rank] > 0 else price[t]
                    if rank + 1 == m:
                        gain -= reward
                    else:
                        digit = 1 + 2 * rank + (1 if h == k else 0)
                after = rest % top * base + digit
                if value[t, s] + gain < value[t + 1, after]:
                    value[t + 1, after] = value[t, s] + gain
                    back[t + 1, after], hops[t + 1, after], ranks[t + 1, after] = s, h, rank
    slot[:, 0] = -1
    slot[:, 1] = 0
    groups, s = 0, 0
    for t in range(columns, 0, -1):
        if hops[t, s] >= 0:
            slot[t - 1, 0] = ranks[t, s]
            slot[t - 1, 1] = hops[t, s]
            groups += ranks[t, s] == m - 1
        s = back[t, s]
    return groups


@njit(cache=True)
def _improve(
    healthy: np.ndarray,
    slots: np.ndarray,
    pairs: np.ndarray,
    price: np.ndarray,
    k: int,
    m: int,
    reward: np.ndarray,
    small: bool,
) -> int:
    """Find each row's groups anew, in turn, against the pairs of the others; update slots [p, T, 2], pairs [T, m]."""
    total = 0
    for s in range(healthy.shape[0]):
        for t in range(healthy.shape[1]):
            if slots[s, t, 0] >= 0:
                pairs[t, slots[s, t, 0]] -= 1
        if small:
            total += _interleaved_row(healthy[s], pairs, price, k, m, reward[s], slots[s])
        else:
            total += _row(healthy[s], pairs, price, k, m, reward[s], slots[s])
        for t in range(healthy.shape[1]):
            if slots[s, t, 0] >= 0:
                pairs[t, slots[s, t, 0]] += 1
    return total


@njit(cache=True)
def _solve(
    healthy: np.ndarray, guide: np.ndarray, price: np.ndarray, k: int, m: int, reward: np.ndarray, small: bool
) -> tuple[int, np.ndarray]:
    """Return groups and slots int16 [p, T, 2] for a reward a row.

    In the first sweep the pairs of `guide` int32 [T, m] cost nothing and others `price` float [T]; after it every pair
    costs one.
    """
    slots = np.full((healthy.shape[0], healthy.shape[1], 2), -1, dtype=np.int16)
    pairs = guide.copy()
    total = _improve(healthy, slots, pairs, price, k, m, reward, small)
    pairs -= guide
    for _ in range(SWEEPS - 1):
        total = _improve(healthy, slots, pairs, np.ones(len(price)), k, m, reward, small)
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
    """Return the groups of slots [p, T, 2] as (row [G], columns [G, m])."""
    row, here = np.nonzero(slots[:, :, 0] == m - 1)
    columns = np.empty((len(row), m), dtype=np.int64)
    for j in range(m - 1, -1, -1):
        columns[:, j] = here
        here = here - slots[row, here, 1]
    return row, columns


def cost(columns_Gm: np.ndarray) -> int:
    """Return the number of distinct (ToR, rank) pairs."""
    m = columns_Gm.shape[1]
    return int(np.count_nonzero(np.bincount((columns_Gm * m + np.arange(m)).ravel())))


def cost_bound(groups: int, m: int, rows: int) -> int:
    """Return the pairs below which no placement of so many groups can go."""
    return m * -(-groups // rows)


def _select(row_G: np.ndarray, columns_Gm: np.ndarray, wanted: int, tors: int) -> np.ndarray:
    """Return the indices of the `wanted` groups whose ranks share their ToRs best, in order of place."""
    m = columns_Gm.shape[1]
    key = columns_Gm * m + np.arange(m)
    share = 1.0 / np.bincount(key.ravel(), minlength=tors * m)[key]
    order = np.lexsort((row_G, columns_Gm[:, 0], np.round(share.sum(axis=1), 9)))
    return np.sort(order[:wanted])


def _lagging(columns: np.ndarray, k: int, m: int, tors: int) -> np.ndarray:
    """Return as pairs int32 [T, m] groups cut from all but the fewest columns by which another group can lag behind.

    Where no node is to spare and the sub-lines begin at different ranks, no common cut exists: but groups of two kinds
    may interleave, one at the same ranks in every sub-line, the other, on as few columns as its hops allow, not.
    """
    hops = [k, k - 1] if k % 2 else [k]
    steps = np.cumsum(np.resize(hops, len(columns)))
    kept = np.delete(columns, steps[steps < len(columns)])
    pairs = np.zeros((tors, m), dtype=np.int32)
    pairs[kept, np.arange(len(kept)) % m] = 1
    return pairs


def align_groups(
    healthy_PT: np.ndarray, k: int, m: int, wanted: int, *, tight: bool = False
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return `wanted` groups as (row [G], columns [G, m]) at the least cost found; None if the rows cannot hold them.

    healthy bool [p, T]: sub-line by ToR. Random starts are tried as often as the size allows: none on a large fabric,
    where chance evens out, dozens on a small one. `tight` tells that nearly every node is used, so that interleaved
    groups are worth their time. The same input gives the same answer.
    """
    rows, tors = healthy_PT.shape
    if wanted == 0:
        return np.zeros(0, dtype=np.int64), np.zeros((0, m), dtype=np.int64)
    bound = cost_bound(wanted, m, rows)
    best: Candidate | None = None
    healthy_T = healthy_PT.sum(axis=0)
    plain = np.ones(tors)
    for least in dict.fromkeys((rows, max(1, rows - 1))):
        guide = _cut(np.flatnonzero(healthy_T >= least), k, m, tors)
        found = _search(healthy_PT, guide, plain, np.ones(rows), k, m, wanted)
        if found is None:
            return None
        best = found if best is None or found[0] < best[0] else best
        if best[0] <= bound:
            break
    assert best is not None
    work = healthy_PT.size * (2 * m - 1) ** k
    if tight and k > 1 and best[0] > bound and SMALL_WORK < work <= TIGHT_WORK:
        guide = _lagging(np.flatnonzero(healthy_T == rows), k, m, tors)
        reward = np.full(rows, 4.0 * m * tors * rows)
        lagging = _try(healthy_PT, guide, plain, reward, k, m, wanted, small=True)
        best = best if lagging is None or lagging[0] >= best[0] else lagging
    rng = np.random.default_rng(rows * tors)
    for _ in range(min(START_WORK // (rows * tors * m), MAX_STARTS)):
        if best[0] <= bound:
            break
        best = _vary(healthy_PT, k, m, wanted, best, rng)
    return best[1:]


def _vary(healthy_PT: np.ndarray, k: int, m: int, wanted: int, best: Candidate, rng: np.random.Generator) -> Candidate:
    """Return the better of `best` and a search from it with part forgotten, prices shaken, rows in another order."""
    rows, tors = healthy_PT.shape
    guide = np.zeros((tors, m), dtype=np.int32)
    guide[best[2], np.arange(m)] = 1
    first = rng.integers(tors)
    guide[first : first + rng.integers(1, tors + 1)] = 0
    guide[rng.random(guide.shape) < 0.1] = 0
    guide *= rng.random() < 0.7
    shaken = np.asarray(rng.random(tors) ** 2)
    order = rng.permutation(rows)
    found = _search(healthy_PT[order], guide, shaken, np.exp(rng.normal(size=rows)), k, m, wanted)
    if found is None or found[0] > best[0]:
        return best
    return found[0], order[found[1]], found[2]


def _search(
    healthy_PT: np.ndarray, guide: np.ndarray, price: np.ndarray, weight: np.ndarray, k: int, m: int, wanted: int
) -> Candidate | None:
    """Return (cost, row, columns) from one guide, over rewards, by halving on a log scale; None if they cannot fit."""
    rows, tors = healthy_PT.shape
    best: Candidate | None = None
    low, high = 0.0, 0.0
    # A reward of 2m pays for a group that stands alone; only a job near the fabric's capacity needs the last one,
    # which pays for moving every other group of a row.
    for reward in (0.25, 2.0 * m, 4.0 * m * tors * rows):
        low, high = high, float(np.log(reward / weight.min()))
        best = _try(healthy_PT, guide, price, np.exp(high) * weight, k, m, wanted)
        if best is not None:
            break
    if best is None or low == 0.0:
        return best
    for _ in range(REWARD_STEPS):
        middle = (low + high) / 2
        found = _try(healthy_PT, guide, price, np.exp(middle) * weight, k, m, wanted)
        if found is None:
            low = middle
            continue
        high = middle
        best = found if found[0] < best[0] else best
    return best


def _try(
    healthy_PT: np.ndarray,
    guide: np.ndarray,
    price: np.ndarray,
    reward: np.ndarray,
    k: int,
    m: int,
    wanted: int,
    *,
    small: bool | None = None,
) -> Candidate | None:
    """Return the wanted groups that these rewards give, the costliest left out; None if they give too few."""
    if small is None:
        small = healthy_PT.size * (2 * m - 1) ** k <= SMALL_WORK
    groups, slots = _solve(healthy_PT, guide, price, k, m, reward, small)
    if groups < wanted:
        return None
    row, columns = groups_of(slots, m)
    kept = _select(row, columns, wanted, healthy_PT.shape[1])
    return cost(columns[kept]), row[kept], columns[kept]


@njit(cache=True)
def order_by_shared_tors(columns: np.ndarray, size: int, reach: int, least: int) -> np.ndarray:
    """Return an order of groups [G, m] in which each `size` in a row share as many (ToR, rank) pairs as can be.

    Greedy: the first group not taken is joined by those, among the next `reach`, that agree with it most, at `least`
    ranks each. Groups that find too few are left out.
    """
    count, m = columns.shape
    order = np.empty(count, dtype=np.int64)
    taken = np.zeros(count, dtype=np.bool_)
    filled = 0
    for first in range(count):
        if taken[first]:
            continue
        start, pick = filled, first
        while pick >= 0:
            taken[pick] = True
            order[filled] = pick
            filled += 1
            pick = -1
            if filled - start == size or filled == count:
                break
            most, seen, i = least - 1, 0, first
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
        if least > 0 and filled - start < size:
            for member in range(start + 1, filled):
                taken[order[member]] = False
            filled = start
    return order[:filled]
