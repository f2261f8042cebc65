"""Small fabrics: groups taken out and put back where they cross least, over and over, the order of ranks included.

What counts is the traffic of rings of as many consecutive groups as a ToR has nodes, then the distinct (ToR, rank)
pairs. One group's best place among the free nodes is found exactly, by dynamic programming over (rank, ring position);
two or three taken out at once are put back one after the other, the first ones at shaken prices. The search draws from
a fixed seed: the same input gives the same answer. Method: ours (a large-neighbourhood search).
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAX_NODES = 160  # beyond, chance evens out and the search for aligned groups alone is good
WORK, MAX_ROUNDS = 12_000_000, 12_000  # table entries written, and rounds
CROSSING = 4.0  # what a crossing costs beside a (ToR, rank) pair
FAR = 1e18


@njit(cache=True)
def _cheapest(
    free: np.ndarray, tor: np.ndarray, price: np.ndarray, shaken: np.ndarray, k: int, closed: bool, chain: np.ndarray
) -> bool:
    """Write to `chain` the cheapest realisable chain of free positions, price [m, T]; return whether there is one."""
    n, m = free.size, price.shape[0]
    odd = k % 2 == 1 and k > 1
    value = np.full((m, n, 2), FAR)  # by rank, position, and whether the longest hop of an odd K led there
    back = np.zeros((m, n, 2), dtype=np.int16)
    for at in range(n):
        if free[at]:
            value[0, at, 0] = price[0, tor[at]] + shaken[at]
    for j in range(1, m):
        for at in range(n):
            if not free[at]:
                continue
            here = price[j, tor[at]] + shaken[at]
            for h in range(1, k + 1):
                before = at - h
                if before < 0:
                    if not closed:
                        break
                    before += n
                longest = 1 if odd and h == k else 0
                for was in range(2 - longest):
                    if value[j - 1, before, was] + here < value[j, at, longest]:
                        value[j, at, longest] = value[j - 1, before, was] + here
                        back[j, at, longest] = 2 * h + was
    best, at, flag = FAR, -1, 0
    for end in range(n):
        for f in range(2):
            if value[m - 1, end, f] < best:
                best, at, flag = value[m - 1, end, f], end, f
    if at < 0:
        return False
    for j in range(m - 1, -1, -1):
        chain[j] = at
        step = back[j, at, flag]
        at, flag = (at - step // 2) % n, step % 2
    if (m - 1) * k >= n:  # only such a chain could bite its tail
        for i in range(m):
            for j in range(i):
                if chain[i] == chain[j]:
                    return False
    return True


@njit(cache=True)
def _score(blocks: np.ndarray, pairs: np.ndarray, sizes: np.ndarray) -> tuple[int, int]:
    """Return (crossings, distinct pairs) for ToRs by block and rank int [B, T, m], and in all int [T, m]."""
    crossings = 0
    for b in range(blocks.shape[0]):
        if sizes[b] > 1:
            for j in range(blocks.shape[2]):
                tors = 0
                for t in range(blocks.shape[1]):
                    tors += blocks[b, t, j] > 0
                if tors > 1:
                    crossings += tors
    distinct = 0
    for t in range(pairs.shape[0]):
        for j in range(pairs.shape[1]):
            distinct += pairs[t, j] > 0
    return crossings, distinct


@njit(cache=True)
def _prices(block: np.ndarray, pairs: np.ndarray, several: bool, price: np.ndarray) -> None:
    """Write to price [m, T] what a group more in a block [T, m] costs at each rank and ToR."""
    for j in range(block.shape[1]):
        tors = 0
        for t in range(block.shape[0]):
            tors += block[t, j] > 0
        for t in range(block.shape[0]):
            price[j, t] = 0.0 if pairs[t, j] > 0 else 1.0
            if several and tors > 0 and block[t, j] == 0:
                price[j, t] += CROSSING * (2.0 if tors == 1 else 1.0)


@njit(cache=True)
def _mark(
    chain: np.ndarray, tor: np.ndarray, free: np.ndarray, block: np.ndarray, pairs: np.ndarray, step: int
) -> None:
    """Take a group out (-1) or put it in (+1)."""
    for j in range(chain.size):
        free[chain[j]] = step < 0
        block[tor[chain[j]], j] += step
        pairs[tor[chain[j]], j] += step


@njit(cache=True)
def _search(
    free: np.ndarray, tor: np.ndarray, chains: np.ndarray, size: int, k: int, closed: bool, rounds: int, goal: int
) -> tuple[int, int]:
    """Improve `chains` int [G, m], ring positions in rank order, in place; return (crossings, pairs).

    free bool [N] without the chains' nodes; stops at no crossing and `goal` pairs.
    """
    np.random.seed(1)
    count, m = chains.shape
    tors = tor.max() + 1
    blocks = np.zeros(((count + size - 1) // size, tors, m), dtype=np.int32)
    sizes = np.zeros(blocks.shape[0], dtype=np.int64)
    pairs = np.zeros((tors, m), dtype=np.int32)
    for g in range(count):
        sizes[g // size] += 1
        _mark(chains[g], tor, free, blocks[g // size], pairs, 1)
    best = _score(blocks, pairs, sizes)
    kept, now = chains.copy(), CROSSING * best[0] + best[1]
    price, shaken = np.zeros((m, tors)), np.zeros(free.size)
    out, old = np.zeros(3, dtype=np.int64), np.zeros((3, m), dtype=np.int64)
    for turn in range(rounds):
        if best[0] == 0 and best[1] <= goal:
            break
        number = min(count, 1 + np.random.randint(3))
        out[0] = np.random.randint(count)
        for i in range(1, number):
            pick = np.random.randint(count)
            if np.random.random() < 0.5:  # a neighbour on the ring
                near = (chains[out[0], m - 1] + 1 + np.random.randint(2 * k)) % free.size
                for g in range(count):
                    for j in range(m):
                        if chains[g, j] == near:
                            pick = g
            out[i] = pick
            for before in range(i):
                if out[before] == pick:
                    number = min(number, i)
        for i in range(number):
            old[i] = chains[out[i]]
            _mark(chains[out[i]], tor, free, blocks[out[i] // size], pairs, -1)
        put, height = 0, np.random.random() * 4.0
        for i in range(number):
            g = out[number - 1 - i]
            for at in range(free.size):
                shaken[at] = height * np.random.random() if i < number - 1 or (number == 1 and turn % 4 == 0) else 0.0
            _prices(blocks[g // size], pairs, sizes[g // size] > 1, price)
            if not _cheapest(free, tor, price, shaken, k, closed, chains[g]):
                break
            _mark(chains[g], tor, free, blocks[g // size], pairs, 1)
            put += 1
        score = _score(blocks, pairs, sizes)
        value = CROSSING * score[0] + score[1]
        if put == number and value <= now - 2.0 * (1.0 - turn / rounds) * np.log(np.random.random()):
            now = value
            if score < best:
                best = score
                kept[:] = chains
            continue
        for i in range(number):
            if i >= number - put:
                _mark(chains[out[i]], tor, free, blocks[out[i] // size], pairs, -1)
        for i in range(number):
            chains[out[i]] = old[i]
            _mark(old[i], tor, free, blocks[out[i] // size], pairs, 1)
    chains[:] = kept
    return best


def refined(
    free_N: np.ndarray, tor_N: np.ndarray, starts: list[np.ndarray], size: int, k: int, closed: bool
) -> np.ndarray:
    """Return the best groups found from `starts`, each int [G, m] of ring positions, in rank order.

    free_N bool [N], ToRs int [N] by ring position; rings join `size` consecutive groups. At most `MAX_NODES` positions.
    """
    count, m = starts[0].shape
    rounds = min(MAX_ROUNDS, WORK // (len(free_N) * m * k)) // len(starts)
    goal = m * -(-count // size)
    found: list[tuple[tuple[int, int], int, np.ndarray]] = []
    for start in starts:
        chains = start.astype(np.int64).copy()
        free = free_N.copy()
        found.append((_search(free, tor_N.astype(np.int64), chains, size, k, closed, rounds, goal), len(found), chains))
        if found[-1][0] == (0, goal):
            break
    return min(found, key=lambda one: one[:2])[2]
