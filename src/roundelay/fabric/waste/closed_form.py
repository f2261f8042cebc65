"""Expected waste when each node is down with probability p, independently: no simulation, no approximation.

`khop_infinite` is the closed form on an endless ring (checked by Monte Carlo in the tests). On a ring of a few
hundred nodes the last incomplete group weighs as much as the faults, so `khop_finite` gives the exact mean on n
nodes by a transfer matrix (ours). All results are ratios of all nodes.
"""

from __future__ import annotations

from math import lgamma, log

import numpy as np

from roundelay.errors import BadInput


def check_probability(p: float, name: str = "--fault-ratio") -> None:
    """Raise `BadInput` unless 0 <= p < 1."""
    if not 0 <= p < 1:
        raise BadInput(name, p, "give a ratio from 0 up to, not including, 1")


def binomial(n: int, p: float) -> np.ndarray:
    """Return P(d of n nodes are down) for d = 0..n, float64 [n+1]."""
    if p <= 0 or p >= 1:
        out = np.zeros(n + 1)
        out[n if p >= 1 else 0] = 1
        return out
    d = np.arange(n + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    assert abs(log_factorial[-1] - lgamma(n + 1)) < 1e-6 * (1 + abs(lgamma(n + 1)))
    exponent = log_factorial[n] - log_factorial - log_factorial[::-1] + d * log(p) + (n - d) * log(1 - p)
    return np.exp(exponent)


def khop_infinite(p: float, k: int, m: int) -> float:
    """Return the waste ratio of groups of m nodes on an infinite K-hop ring."""
    check_probability(p)
    if p == 0:
        return 0.0
    q = p**k
    r = np.arange(1, m)
    tail = -np.expm1(m * np.log1p(-q))  # 1 - s^m with s = 1-q, without losing it at small q
    return float((1 - p) * q * q * np.sum(r * (1 - q) ** (r - 1)) / tail)


def khop_bound(p: float, k: int, m: int) -> float:
    """Return the simple upper bound (m-1) p^K of the infinite ring."""
    return (m - 1) * p**k


def paper_bound(p: float, k: int, tp: int, gpus_per_node: int) -> float:
    """Return the paper's own bound, 2(TP-R) p^K, recalled and not checked against its text; far looser."""
    return 2 * (tp - gpus_per_node) * p**k


def static_block(p: float, nodes: int) -> float:
    """Return the waste ratio of static blocks of `nodes`, killed by one fault."""
    check_probability(p)
    return float((1 - p) - (1 - p) ** nodes)


def khop_finite(p: float, k: int, m: int, n: int, *, closed: bool = True) -> float:
    """Return the exact mean waste ratio of groups of m nodes on a K-hop ring (or line) of n nodes.

    A state is (healthy nodes of the segment mod m, trailing faults < K); one step is one node, so n steps are a matrix
    power of size m·K. A segment pays its remainder when K faults close it.
    """
    check_probability(p)
    if p == 0:
        return (n % m) / n
    if n <= k or not closed:
        return _line(p, k, m, n) / n
    step, pay = _transfer(p, k, m)
    wasted = 0.0
    # A segment that begins right after K faults; it ends at the next K faults, at the latest at those same ones.
    powers = _advance(step, n - k - 1)
    alive, done = _start(m, k) @ powers, _paid(step, pay, n - k - 1, m, k)
    remainder_S = np.repeat(np.arange(m), k)
    wasted += n * p**k * (1 - p) * (done + float(alive @ remainder_S))
    # No K faults in a row anywhere: one segment round the circle, j faults before its first healthy node.
    for j in range(k):
        steps = n - j - 1
        alive = (_start(m, k) @ _advance(step, steps)).reshape(m, k)
        ends = alive[:, : k - j].sum(axis=1)
        wasted += p**j * (1 - p) * float(ends @ np.arange(m))
    return wasted / n


def _transfer(p: float, k: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the step matrix [S, S] of an open segment and what each state pays on closing, [S]."""
    size = m * k
    step, pay = np.zeros((size, size)), np.zeros(size)
    for r in range(m):
        for g in range(k):
            here = r * k + g
            step[here, ((r + 1) % m) * k] += 1 - p
            if g + 1 < k:
                step[here, here + 1] += p
            else:
                pay[here] = p * r
    return step, pay


def _start(m: int, k: int) -> np.ndarray:
    """Return the state after the first healthy node of a segment, [S]."""
    state = np.zeros(m * k)
    state[(1 % m) * k] = 1
    return state


def _advance(step: np.ndarray, steps: int) -> np.ndarray:
    return np.linalg.matrix_power(step, steps)


def _paid(step: np.ndarray, pay: np.ndarray, steps: int, m: int, k: int) -> float:
    """Return the expected remainder paid by a segment that closes within `steps` nodes."""
    size = len(pay)
    whole = np.zeros((size + 1, size + 1))
    whole[:size, :size], whole[:size, size], whole[size, size] = step, pay, 1
    return float(np.append(_start(m, k), 0.0) @ _advance(whole, steps)[:, size])


def _line(p: float, k: int, m: int, n: int) -> float:
    """Return the expected wasted nodes of an open line of n nodes."""
    size = m * k
    step, pay = _transfer(p, k, m)
    whole = np.zeros((size + 2, size + 2))  # + outside any segment, + what has been paid
    outside, paid = size, size + 1
    whole[:size, :size] = step
    whole[:size, paid] = pay
    for r in range(m):
        whole[r * k + k - 1, outside] += p
    whole[outside, (1 % m) * k], whole[outside, outside], whole[paid, paid] = 1 - p, p, 1
    end = np.eye(size + 2)[outside] @ _advance(whole, n)
    return float(end[paid] + end[:size] @ np.repeat(np.arange(m), k))
