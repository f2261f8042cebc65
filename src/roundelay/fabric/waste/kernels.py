"""Exact replay of fault events: what stays usable after each one, compiled by numba, no clock and no sampling.

The replay kernels take `node` int32 [E] and `delta` int8 [E] (+1 the node goes down, -1 it comes up), in time order,
each a real change of that node's state. Both return int64 [E+1]: the value with all nodes up, then after each event.
Method: ours.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# One tree vertex: is there a cut inside; leading and trailing faults (at most K); healthy nodes of the first and of
# the last segment; complete groups of the segments between. With no cut, `first` counts the only segment; a stretch
# without a healthy node has first = 0.
CUT, LEAD, TRAIL, FIRST, LAST, GROUPS, WIDTH = 0, 1, 2, 3, 4, 5, 6
LEAF = 16


@njit(cache=True)
def _join(tree: np.ndarray, v: int, k: int, m: int) -> None:
    """Write to vertex `v` the summary of its left stretch a followed by its right stretch b."""
    a, b = 2 * v, 2 * v + 1
    empty_a = tree[a, CUT] == 0 and tree[a, FIRST] == 0
    empty_b = tree[b, CUT] == 0 and tree[b, FIRST] == 0
    if empty_a or empty_b:
        keep = b if empty_a else a
        for i in range(WIDTH):
            tree[v, i] = tree[keep, i]
        if empty_a:
            tree[v, LEAD] = min(k, tree[a, LEAD] + tree[b, LEAD])
        if empty_b:
            tree[v, TRAIL] = min(k, tree[a, TRAIL] + tree[b, TRAIL])
        return
    ends = tree[a, LAST] if tree[a, CUT] else tree[a, FIRST]
    starts = tree[b, FIRST]
    groups = tree[a, GROUPS] + tree[b, GROUPS]
    first, last, cut = tree[a, FIRST], tree[b, LAST] if tree[b, CUT] else starts, 1
    if tree[a, TRAIL] + tree[b, LEAD] >= k:
        groups += (ends // m if tree[a, CUT] else 0) + (starts // m if tree[b, CUT] else 0)
    elif tree[a, CUT] and tree[b, CUT]:
        groups += (ends + starts) // m
    else:
        cut = tree[a, CUT] | tree[b, CUT]
        first = first if tree[a, CUT] else ends + starts
        last = last if tree[b, CUT] else ends + starts
    tree[v, CUT], tree[v, GROUPS] = cut, groups
    tree[v, LEAD], tree[v, TRAIL] = tree[a, LEAD], tree[b, TRAIL]
    tree[v, FIRST], tree[v, LAST] = first, last


@njit(cache=True)
def _total(tree: np.ndarray, k: int, m: int, closed: bool) -> int:
    """Return the complete groups of the whole line, or of the circle it closes into."""
    if tree[1, CUT] == 0:
        return tree[1, FIRST] // m
    if closed and tree[1, LEAD] + tree[1, TRAIL] < k:
        return tree[1, GROUPS] + (tree[1, FIRST] + tree[1, LAST]) // m
    return tree[1, GROUPS] + tree[1, FIRST] // m + tree[1, LAST] // m


@njit(cache=True)
def _scan(tree: np.ndarray, v: int, down: np.ndarray, start: int, end: int, k: int, m: int) -> None:
    """Write to leaf `v` the summary of nodes start … end-1, read one by one."""
    cut, first, here, groups, lead, gap = 0, 0, 0, 0, 0, 0
    for i in range(start, end):
        if down[i]:
            gap += 1
            continue
        if here == 0 and cut == 0:
            lead = gap
        elif gap >= k:
            if cut:
                groups += here // m
            else:
                first, cut = here, 1
            here = 0
        here += 1
        gap = 0
    empty = cut == 0 and here == 0
    tree[v, CUT], tree[v, GROUPS] = cut, groups
    tree[v, FIRST], tree[v, LAST] = first if cut else here, here if cut else 0
    tree[v, LEAD], tree[v, TRAIL] = min(k, gap if empty else lead), min(k, gap)


@njit(cache=True)
def chain(node: np.ndarray, delta: np.ndarray, nodes: int, k: int, m: int, closed: bool) -> np.ndarray:
    """Return complete groups of m nodes on a K-hop line or circle; O(nodes + E log nodes) time, O(nodes) memory.

    A segment tree whose leaves are stretches of LEAF nodes, so that it stays in the processor's cache; an event
    rewrites one leaf and the summaries on its path to the root.
    """
    leaves = 2
    while leaves * LEAF < nodes:
        leaves *= 2
    tree = np.zeros((2 * leaves, WIDTH), dtype=np.int32)
    down = np.zeros(nodes, dtype=np.uint8)
    for i in range(0, nodes, LEAF):
        _scan(tree, leaves + i // LEAF, down, i, min(i + LEAF, nodes), k, m)
    for v in range(leaves - 1, 0, -1):
        _join(tree, v, k, m)
    out = np.empty(node.size + 1, dtype=np.int64)
    out[0] = _total(tree, k, m, closed)
    for e in range(node.size):
        down[node[e]] = 1 if delta[e] > 0 else 0
        leaf = node[e] // LEAF
        v = leaves + leaf
        _scan(tree, v, down, leaf * LEAF, min(leaf * LEAF + LEAF, nodes), k, m)
        v //= 2
        while v > 0:
            _join(tree, v, k, m)
            v //= 2
        out[e + 1] = _total(tree, k, m, closed)
    return out


@njit(cache=True)
def blocks(node: np.ndarray, delta: np.ndarray, nodes: int, block_nodes: int, table: np.ndarray) -> np.ndarray:
    """Return the sum over blocks of `table[nodes down in the block]`; O(nodes / block + E)."""
    down = np.zeros(nodes // block_nodes, dtype=np.int32)
    out = np.empty(node.size + 1, dtype=np.int64)
    out[0] = total = table[0] * down.size
    for e in range(node.size):
        b = node[e] // block_nodes
        total -= table[down[b]]
        down[b] += delta[e]
        total += table[down[b]]
        out[e + 1] = total
    return out


@njit(cache=True)
def block_value(node: np.ndarray, delta: np.ndarray, blocks: int, block_nodes: int, table: np.ndarray) -> np.ndarray:
    """Return, for each event, `table[nodes down in its block]` before it, float64 [E]; O(blocks + E)."""
    down = np.zeros(blocks, dtype=np.int32)
    out = np.empty(node.size, dtype=np.float64)
    for e in range(node.size):
        b = node[e] // block_nodes
        out[e] = table[down[b]]
        down[b] += delta[e]
    return out


REACH = 1024  # a segment that goes on for so many healthy nodes on both sides is as good as endless


@njit(cache=True)
def _healthy(down: np.ndarray, start: int, step: int, k: int, closed: bool) -> tuple[int, bool]:
    """Return healthy nodes from `start` on to the next K faults, at most REACH, and whether that end was met."""
    n, found, gap, i = down.size, 0, 0, start
    for _ in range(n - 1):
        i += step
        if i < 0 or i >= n:
            if not closed:
                return found, True
            i %= n
        if down[i]:
            gap += 1
            if gap == k:
                return found, True
        else:
            gap = 0
            found += 1
            if found == REACH:
                return found, False
    return found, False


@njit(cache=True)
def chain_value(node: np.ndarray, delta: np.ndarray, nodes: int, k: int, m: int, closed: bool) -> np.ndarray:
    """Return, for each fault, the share of its segment's healthy nodes that are in a group, before it, float64 [E].

    Any nodes of a segment may be the ones left over. A segment over REACH nodes long on one side counts as all in
    groups, an error of at most (m-1) / REACH. Repairs get 0. O(E REACH) at worst.
    """
    down = np.zeros(nodes, dtype=np.uint8)
    out = np.zeros(node.size, dtype=np.float64)
    for e in range(node.size):
        if delta[e] > 0:
            right, met = _healthy(down, node[e], 1, k, closed)
            length = right + 1  # the whole circle, if no end was met
            if met:
                left, met = _healthy(down, node[e], -1, k, closed)
                length += left
                out[e] = length // m * m / length if met else 1.0
            else:
                out[e] = 1.0 if right == REACH else length // m * m / length
        down[node[e]] = 1 if delta[e] > 0 else 0
    return out
