"""The one way to place a job on the ring: equal ranks under one ToR where that is possible, anywhere otherwise.

Source: InfinitePOD (arXiv 2502.03885), its placement section; the search is `align`, ours. Every placement carries its
score and the bound that no placement can beat.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.placement import align, dcn, packing, refine, straddle
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.topology.deployment import Deployment
from roundelay.fabric.topology.topology import segments
from roundelay.fabric.waste import kernels
from roundelay.record import Record


@dataclass(frozen=True, slots=True)
class Score(Record):
    """How good a job's placement is; ratios are of all GPUs, or of the job's DCN bytes."""

    groups: int
    job_gpus: int
    waste: float
    cross_tor: float
    cross_tor_bound: float
    cross_domain: float | None
    tor_rank_pairs: int
    tor_rank_pairs_bound: int
    aligned: bool
    seconds: float
    realisable: bool


def free_mask(placement: Placement) -> np.ndarray:
    """Return bool [nodes], true where a node is healthy and in no group."""
    return (placement.group_of() < 0) & ~placement.down_mask()


def on_ring(deployment: Deployment, by_node: np.ndarray) -> np.ndarray:
    """Return per-node values in ring order."""
    return by_node[deployment.node(np.arange(deployment.nodes))]


def cut(unavailable_N: np.ndarray, k: int, m: int, closed: bool, spare_every: int = 0) -> list[np.ndarray]:
    """Return the most groups of m ring positions: runs cut one group after another, the tail dropped. O(nodes).

    `spare_every` keeps one spare node per so many groups, in their middle.
    """
    if not spare_every:
        return [g for run in packing.runs(unavailable_N, k, m, closed) for g in run[: len(run) // m * m].reshape(-1, m)]
    spare_N, beside = unavailable_N.copy(), list[np.ndarray]()
    for healthy in segments(unavailable_N, k, closed):
        spares = _spare_slice(len(healthy), m, spare_every)
        spare_N[healthy[spares]] = True
        beside += _in_order(np.delete(healthy, spares), len(unavailable_N), k, m)
    most = cut(spare_N, k, m, closed)
    return beside if len(beside) == len(most) else most


def _in_order(line: np.ndarray, n: int, k: int, m: int) -> list[np.ndarray]:
    """Return groups of m ring positions as they follow in a line, so that spares stand between two of them.

    A group begins anew behind a hop that no fibre spans, and behind two longest hops of an odd K at one node.
    """
    out, run = [], list[int]()
    for position in line.tolist():
        hops = [(b - a) % n for a, b in itertools.pairwise([*run[-2:], position])]
        if (hops and hops[-1] > k) or (k % 2 and k > 1 and hops == [k, k]):
            run = []
        run.append(position)
        if len(run) == m:
            out.append(np.array(run))
            run = []
    return out


def capacity(deployment: Deployment, free_N: np.ndarray, tp: int) -> int:
    """Return the most groups of `tp` GPUs that the transceivers can form on the free nodes at once."""
    ring = deployment.ring
    m = ring.fabric.nodes_per_group(tp)
    return packing.capacity(~on_ring(deployment, free_N), ring.k, m, ring.closed)


def chains_of(deployment: Deployment, free_N: np.ndarray, m: int, spare_every: int = 0) -> list[np.ndarray]:
    """Return the most groups of m free nodes, as ring positions, without regard to ToRs."""
    return cut(~on_ring(deployment, free_N), deployment.ring.k, m, deployment.ring.closed, spare_every)


@dataclass(frozen=True, slots=True)
class Layout:
    """The groups of a job, nodes int [G, m] in rank order, and whether equal ranks were put under one ToR."""

    nodes_Gm: np.ndarray
    aligned: bool

    def job(self, name: str, tp: int) -> JobPlace:
        """Return the layout as a job of that name."""
        return JobPlace.of(name, tp, self.nodes_Gm)


def fits(deployment: Deployment, free_N: np.ndarray, tp: int, spare_every: int = 0) -> int:
    """Return how many groups of `tp` GPUs fit on the free nodes beside their spares."""
    m = deployment.ring.fabric.nodes_per_group(tp)
    if spare_every and deployment.nodes_per_tor == 1:
        return len(chains_of(deployment, free_N, m, spare_every))
    return capacity(deployment, reserve(deployment, free_N, m, spare_every) if spare_every else free_N, tp)


def lay_out(placement: Placement, tp: int, groups: int, spare_every: int = 0) -> Layout:
    """Return as many groups of `tp` GPUs on the free nodes as fit, `groups` at most: the one way to place.

    Under ToRs of several nodes equal ranks share a ToR, where so many groups can be aligned (`align`); otherwise, and
    without ToRs, the ring is cut from its beginning. On small fabrics the groups then move to where the rings between
    them cross least (`refine`). `spare_every` keeps one spare node, or column of nodes, per so many groups.
    """
    deployment = placement.deployment
    m, p = deployment.ring.fabric.nodes_per_group(tp), deployment.nodes_per_tor
    free_N = free_mask(placement)
    if p == 1:
        nodes_Gm = deployment.node(
            np.array(chains_of(deployment, free_N, m, spare_every)[:groups], dtype=np.int64).reshape(-1, m)
        )
        return Layout(nodes_Gm[rank_groups(nodes_Gm, p)].astype(np.int64) if len(nodes_Gm) else nodes_Gm, aligned=False)
    usable_N = reserve(deployment, free_N, m, spare_every) if spare_every else free_N
    wanted = min(groups, capacity(deployment, usable_N, tp))
    if not wanted:
        return Layout(np.zeros((0, m), dtype=np.int64), aligned=True)
    found = align.align_groups(np.ascontiguousarray(deployment.rows(usable_N)), deployment.ring.k, m, wanted)
    spread = _beside_spares(deployment, free_N, usable_N, m, wanted, spare_every) if found is None else None
    if found is not None:
        nodes_Gm = found[1] * p + found[0][:, None]
    elif spread is not None:
        nodes_Gm = spread
    else:
        nodes_Gm = _beyond_rows(deployment, usable_N, m, wanted)
    nodes_Gm = nodes_Gm[rank_groups(deployment.tor(nodes_Gm), p)]
    if deployment.nodes <= refine.MAX_NODES and spread is None:
        nodes_Gm = _refine(deployment, usable_N, nodes_Gm)
    crosses = dcn.crossing(deployment.tor(nodes_Gm), dcn.parse_rings(None, wanted, p)) > 0
    return Layout(nodes_Gm.astype(np.int64), found is not None or not crosses)


def _beside_spares(
    deployment: Deployment, free_N: np.ndarray, usable_N: np.ndarray, m: int, wanted: int, spare_every: int
) -> np.ndarray | None:
    """Return the groups, nodes int [wanted, m], cut from the beginning of the ring: with spares among its groups a job
    is better off unaligned than interleaved. None where it has none, or too few groups come out.
    """
    if not spare_every:
        return None
    for chains in (chains_of(deployment, free_N, m, spare_every), chains_of(deployment, usable_N, m)):
        if len(chains) >= wanted:
            return deployment.node(np.array(chains[:wanted]))
    return None


def _beyond_rows(deployment: Deployment, usable_N: np.ndarray, m: int, wanted: int) -> np.ndarray:
    """Return more groups, nodes int [wanted, m], than the sub-lines hold: a few straddle, the rest are aligned.

    Where one straddling group a seam is not enough, the ring is cut from its beginning.
    """
    ring, p = deployment.ring, deployment.nodes_per_tor
    across = straddle.straddling(ring, deployment.rows(usable_N), m, wanted)
    if across is None:
        return deployment.node(np.array(chains_of(deployment, usable_N, m)[:wanted]))
    across_Gm, rest_N = deployment.node(across), usable_N.copy()
    rest_N[across_Gm] = False
    rest_PT = np.ascontiguousarray(deployment.rows(rest_N))
    found = align.align_groups(rest_PT, ring.k, m, wanted - len(across), tight=True)
    assert found is not None, "the sub-lines hold the groups that do not straddle"
    return np.concatenate([found[1] * p + found[0][:, None], across_Gm])


def _refine(deployment: Deployment, usable_N: np.ndarray, nodes_Gm: np.ndarray) -> np.ndarray:
    """Return the groups of a small fabric where they cross less, in rank order."""
    ring, p = deployment.ring, deployment.nodes_per_tor
    tor_N = np.arange(deployment.nodes) % deployment.tors
    starts = [deployment.position(nodes_Gm)]
    chains = refine.refined(on_ring(deployment, usable_N), tor_N, starts, p, ring.k, ring.closed)
    return deployment.node(chains)


def place(
    placement: Placement, tp: int, job_gpus: int, name: str = "job", *, rings: str | None = None, spare_every: int = 0
) -> tuple[Placement, Score]:
    """Return the placement with one job more, and the job's score.

    `spare_every` keeps one spare column of nodes per so many groups. Raises `BadInput` where the job does not fit,
    saying why, what would fit, and which nodes to repair first.
    """
    started = time.perf_counter()
    deployment = placement.deployment
    deployment.ring.fabric.nodes_per_group(tp)
    if job_gpus < tp or job_gpus % tp:
        raise BadInput("--job-gpus", job_gpus, f"give a multiple of TP-{tp}")
    wanted = job_gpus // tp
    traffic = dcn.parse_rings(rings, wanted, deployment.nodes_per_tor)
    free_N = free_mask(placement)
    room = fits(deployment, free_N, tp, spare_every)
    if wanted > room:
        raise BadInput("--job-gpus", job_gpus, _cannot(placement, free_N, tp, room, wanted))
    layout = lay_out(placement, tp, wanted, spare_every)
    if len(layout.nodes_Gm) < wanted:
        short = len(layout.nodes_Gm) * tp
        raise BadInput("--job-gpus", job_gpus, f"only {short} GPUs are realisable on the transceivers")
    job = layout.job(name, tp)
    placed = placement.with_job(job)
    return placed, score(placed, job, traffic, time.perf_counter() - started, aligned=layout.aligned)


def reserve(deployment: Deployment, free_N: np.ndarray, m: int, spare_every: int) -> np.ndarray:
    """Return `free_N` without the columns of ToRs kept as spares: one per `spare_every` groups that are free."""
    rows = deployment.rows(free_N).copy()
    some = np.flatnonzero(rows.all(axis=0))
    rows[:, some[_spare_slice(len(some), m, spare_every)]] = False
    return rows.T.reshape(-1)


def _spare_slice(nodes: int, m: int, spare_every: int) -> slice:
    """Return the indices of spares in a row of free nodes: half of their groups stand before each, half behind it."""
    return slice((spare_every + 1) // 2 * m, nodes, spare_every * m + 1)


def rank_groups(tor_Gm: np.ndarray, nodes_per_tor: int) -> np.ndarray:
    """Return the order of groups in which consecutive ones share their ToRs: wholly aligned ones first, by place."""
    order = np.lexsort(tor_Gm.T[::-1])
    same = (np.diff(tor_Gm[order], axis=0) == 0).all(axis=1)
    kind = np.concatenate([[0], np.cumsum(~same)])
    complete = np.bincount(kind)[kind] == nodes_per_tor
    out, left = [order[complete]], order[~complete]
    for least in (
        -(-tor_Gm.shape[1] // 2),
        0,
    ):  # first rings that agree at half of their ranks, then the best of the rest
        found = align.order_by_shared_tors(tor_Gm[left], nodes_per_tor, 4 * nodes_per_tor, least)
        out.append(left[found])
        left = np.delete(left, found)
    return np.concatenate(out)


def score(
    placement: Placement, job: JobPlace, rings: Sequence[dcn.Rings], seconds: float, *, aligned: bool = True
) -> Score:
    """Return the score of one job of the placement."""
    deployment = placement.deployment
    fabric = deployment.ring.fabric
    nodes_Gm = job.array()
    tor_Gm = deployment.tor(nodes_Gm)
    free_N = free_mask(placement)
    stranded = int(free_N.sum()) * fabric.gpus_per_node - capacity(deployment, free_N, job.tp) * job.tp
    domains = deployment.domain(nodes_Gm) if deployment.tors_per_domain else None
    return Score(
        groups=len(job.groups),
        job_gpus=len(job.groups) * job.tp,
        waste=stranded / ((fabric.nodes - len(placement.missing)) * fabric.gpus_per_node),
        cross_tor=dcn.crossing(tor_Gm, rings),
        cross_tor_bound=dcn.crossing_bound(len(job.groups), deployment.nodes_per_tor, rings),
        cross_domain=None if domains is None else dcn.crossing(domains, rings),
        tor_rank_pairs=align.cost(tor_Gm),
        tor_rank_pairs_bound=align.cost_bound(len(job.groups), nodes_Gm.shape[1], deployment.nodes_per_tor),
        aligned=aligned,
        seconds=seconds,
        realisable=realisable(placement),
    )


def realisable(placement: Placement) -> bool:
    """Return whether the transceivers can form every group, by deriving each one's path."""
    try:
        placement.circuits()
    except BadInput:
        return False
    return True


def _cannot(placement: Placement, free_N: np.ndarray, tp: int, fits: int, wanted: int) -> str:
    """Return why a job does not fit: what would fit, and which nodes to repair first."""
    gpus_free = int(free_N.sum()) * placement.deployment.ring.fabric.gpus_per_node
    text = f"{gpus_free} GPUs are free and healthy; in groups of {tp}, {fits * tp} fit; give --job-gpus {fits * tp}"
    short = wanted * tp - gpus_free
    if short > 0 and placement.down:
        text += f", or repair at least {-(-short // placement.deployment.ring.fabric.gpus_per_node)} nodes"
    best = repair_first(placement, tp)
    if best:
        text += f"; first {', '.join(placement.host(node) for node in best)}"
    return text


def repair_first(placement: Placement, tp: int, most: int = 5) -> list[int]:
    """Return the down nodes whose single repair gives the most further groups, best first; none that gives nothing."""
    deployment = placement.deployment
    m = deployment.ring.fabric.nodes_per_group(tp)
    blocked = np.flatnonzero(~free_mask(placement))
    down = np.array(sorted(placement.down), dtype=np.int64)[:10_000]
    if not len(down):
        return []
    place = deployment.position(down)
    node = np.concatenate([deployment.position(blocked), np.repeat(place, 2)]).astype(np.int32)
    delta = np.concatenate([np.ones(len(blocked)), np.tile([-1, 1], len(down))]).astype(np.int8)
    fits = kernels.chain(node, delta, deployment.nodes, deployment.ring.k, m, deployment.ring.closed)[len(blocked) :]
    gain = fits[1::2] - fits[0]
    return [int(down[i]) for i in np.argsort(-gain, kind="stable")[:most] if gain[i] > 0]
