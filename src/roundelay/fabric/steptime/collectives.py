"""What a collective takes on its own links: bytes over bandwidth, and a latency for every step.

All times are seconds, arrays [N] or plain numbers; `size` is the bytes of the whole buffer a rank holds or receives.
Standard ring forms; which axis lies inside the domain, and the all-to-all on the K-hop ring, are ours.
"""

from __future__ import annotations

import numpy as np

from roundelay.fabric.steptime.grid import Grid, Scenario

Array = np.ndarray
ROUNDS = 21  # binary exchange over at most 2^21 ranks


def hbd_pass_s(scenario: Scenario, size: Array, ranks: Array) -> Array:
    """All-gather or reduce-scatter on a ring inside the domain: (n-1)/n of the bytes in n-1 steps."""
    latency = scenario.hardware.hbd_latency_us * 1e-6
    return size * (ranks - 1) / ranks / scenario.hbd_bytes_per_s + (ranks - 1) * latency


def domain(scenario: Scenario) -> int:
    """GPUs among which an axis other than tensor or expert parallelism finds fast links.

    A switch carries what fits; on a ring, which carries tensor and expert parallelism (the paper's abstract), one node.
    """
    return scenario.links.gpus_per_node if scenario.links.ring else scenario.links.hbd_gpus


def pass_s(scenario: Scenario, size: Array, ranks: Array, inner: Array) -> Array:
    """All-gather or reduce-scatter over ranks that stand `inner` GPUs apart, on whichever links they have.

    Ranks of one domain use all of its network cards together, up to the rate inside the domain; steps across are
    those of a ring, or of a tree where it is the shorter.
    """
    local = np.clip(np.floor(domain(scenario) / inner), 1, ranks)
    rate = np.where(
        local >= ranks, scenario.hbd_bytes_per_s, np.minimum(local * scenario.dcn_bytes_per_s, scenario.hbd_bytes_per_s)
    )
    places = ranks / local
    steps = np.minimum(places - 1, 2 * np.ceil(np.log2(places)))
    latency = steps * scenario.hardware.dcn_latency_us + (local - 1) * scenario.hardware.hbd_latency_us
    return size * (ranks - 1) / ranks / rate + latency * 1e-6


def all_to_all_s(scenario: Scenario, grid: Grid, size: Array) -> Array:
    """All-to-all of `size` bytes a GPU between its `ep` ranks, the fastest way the fabric has.

    Switched: what stays in the domain and what leaves it go at once. Ring: forwarded round the ring, or by binary
    exchange over the fibres, or over the datacenter network.
    """
    ep, tp, latency = grid.ep, grid.tp, scenario.hardware.dcn_latency_us * 1e-6
    steps = np.ceil(np.log2(ep))
    outside_s = size * (ep - 1) / ep / scenario.dcn_bytes_per_s + steps * latency
    if not scenario.links.ring:
        near = np.minimum(ep, np.maximum(scenario.links.hbd_gpus // tp, 1))
        near_s = size * (near - 1) / ep / scenario.hbd_bytes_per_s
        near_s = near_s + np.ceil(np.log2(near)) * scenario.hardware.hbd_latency_us * 1e-6
        far = size * copies_leaving(scenario) * (ep - near) / ep
        far_s = far / scenario.dcn_bytes_per_s + np.ceil(np.log2(ep / near)) * latency
        return np.where(ep > 1, np.maximum(near_s, far_s), 0.0)
    fits = tp * ep <= scenario.links.hbd_gpus
    times = [outside_s, np.where(fits, ring_exchange_s(scenario, grid, size), np.inf)]
    if scenario.links.hops:
        times.append(np.where(fits, binary_exchange_s(scenario, grid, size), np.inf))
    return np.where(ep > 1, np.minimum.reduce(times), 0.0)


def copies_leaving(scenario: Scenario) -> float:
    """Share of a token's copies that leave its domain: all, or one a node where the router keeps to few nodes and
    copies are spread inside them (DeepSeek-V3, arXiv 2412.19437, section 2.1.2 and 3.2.2).
    """
    nodes, top_k = scenario.model.route_nodes, scenario.model.top_k
    return min(nodes, top_k) / top_k if nodes else 1.0


def ring_exchange_s(scenario: Scenario, grid: Grid, size: Array) -> Array:
    """All-to-all forwarded in both directions of one ring of tp·ep GPUs: a byte travels tp·ep/4 edges on average.

    Where tensor parallelism shares the ring, its circuits are set for the exchange and back: two switchings.
    """
    ep, tp = grid.ep, grid.tp
    edges = tp * np.floor(ep * ep / 4) / ep
    switching = np.where(tp > 1, 2 * scenario.links.switch_us * 1e-6, 0.0)
    return (
        size * edges / scenario.hbd_bytes_per_s
        + np.floor(tp * ep / 2) * scenario.hardware.hbd_latency_us * 1e-6
        + switching
    )


def binary_exchange_s(scenario: Scenario, grid: Grid, size: Array) -> Array:
    """All-to-all in log2(ep) rounds, half of the bytes in each, the circuits set anew for every round; a power of two
    only.

    Partners in one node share its ring. Partners D nodes apart share the one bundle between them, which has a GPU's
    whole bandwidth for all GPUs of the node, and D/K relays where no fibre spans D.
    """
    ep, tp, nodes = grid.ep, grid.tp, scenario.links.gpus_per_node
    total = np.zeros(len(grid))
    for turn in range(ROUNDS):
        apart = 2.0**turn * tp
        relays = np.ceil(apart / nodes / scenario.links.hops)
        load = np.where(apart < nodes, 1.0, nodes / 2 * relays)
        once = size * load / scenario.hbd_bytes_per_s + relays * scenario.hardware.hbd_latency_us * 1e-6
        total += np.where(2.0**turn < ep, once + scenario.links.switch_us * 1e-6, 0.0)
    return np.where(2.0 ** np.round(np.log2(ep)) == ep, total, np.inf)
