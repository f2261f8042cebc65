"""Laws of the K-hop ring: pairing, realisability, and the one GPU ring that a group forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.errors import BadInput
from roundelay.fabric.topology.optics import TransceiverPath, ocstrx, realise
from roundelay.fabric.topology.topology import Fabric, KHopRing, gpu_ring, path_pairs, segments


@pytest.mark.parametrize("k", range(1, 9))
def test_pairing_covers_every_hop_once_and_parts_the_mains(k: int) -> None:
    hops = [hop for pair in path_pairs(k) for hop in pair]
    assert sorted(hops) == sorted([*range(-k, 0), *range(1, k + 1)])
    ring = KHopRing(Fabric(64, 8), k)
    assert ring.bundle_of(1) != ring.bundle_of(-1)
    assert all(len(pair) <= 2 for pair in path_pairs(k))


def test_the_paper_pairs_of_k2_and_k3() -> None:
    assert path_pairs(2) == ((1, 2), (-1, -2))
    assert path_pairs(3) == ((1, 2), (-1, -2), (3, -3))


def test_a_node_between_two_double_faults_cannot_be_spliced_at_k3() -> None:
    ring = KHopRing(Fabric(20, 4), 3)
    assert ring.conflict([0, 3, 6]) is not None
    assert ring.conflict([0, 3, 5]) is None
    with pytest.raises(BadInput, match="share a bundle"):
        realise(ring, [[0, 3, 6]])


@given(
    st.integers(2, 3), st.sampled_from([4, 8]), st.lists(st.integers(1, 3), min_size=0, max_size=9), st.integers(0, 30)
)
def test_a_realisable_chain_is_one_ring_over_all_its_gpus(k: int, r: int, gaps: list[int], first: int) -> None:
    ring = KHopRing(Fabric(31, r), k)
    chain = [(first + sum(gaps[:i])) % 31 for i in range(len(gaps) + 1)]
    if len(set(chain)) < len(chain) or sum(gaps) >= 31 - k:
        return
    if ring.conflict(chain):
        with pytest.raises(BadInput):
            gpu_ring(ring, chain)
        return
    order = gpu_ring(ring, chain)
    assert sorted(order) == sorted(n * r + g for n in chain for g in range(r))


def test_fibres_join_every_pair_within_k_once() -> None:
    ring = KHopRing(Fabric(9, 4), 2)
    fibres = {frozenset(pair) for pair in ring.fibres()}
    assert len(fibres) == 9 * 2 == len(list(ring.fibres()))
    line = KHopRing(Fabric(9, 4), 2, closed=False)
    assert len(list(line.fibres())) == 8 + 7


def test_circuits_diff_is_the_list_of_commands() -> None:
    ring = KHopRing(Fabric(12, 4), 2)
    old, new = realise(ring, [[0, 1, 2]]), realise(ring, [[0, 1, 3]])
    commands = old.diff(new)
    assert commands == [
        (1, 0, TransceiverPath.EXTERNAL_2),
        (2, 1, TransceiverPath.LOOPBACK),
        (3, 1, TransceiverPath.EXTERNAL_2),
    ]
    changed = old.paths_NB.copy()
    for node, bundle, path in commands:
        changed[node, bundle] = path
    assert (changed == new.paths_NB).all()
    assert old.diff(old) == []


def test_a_node_in_two_groups_and_an_unknown_one_are_refused() -> None:
    ring = KHopRing(Fabric(12, 4), 2)
    with pytest.raises(BadInput, match="two places"):
        realise(ring, [[0, 1], [1, 2]])
    with pytest.raises(BadInput, match="0 to 11"):
        realise(ring, [[11, 12]])


def test_segments_are_cut_by_k_neighbouring_faults_and_joined_over_the_seam() -> None:
    down = np.zeros(12, dtype=bool)
    down[[3, 4, 8]] = True
    assert [s.tolist() for s in segments(down, 2, closed=True)] == [[5, 6, 7, 9, 10, 11, 0, 1, 2]]
    assert [s.tolist() for s in segments(down, 2, closed=False)] == [[0, 1, 2], [5, 6, 7, 9, 10, 11]]
    assert len(segments(down, 3, closed=False)) == 1
    assert segments(np.ones(4, dtype=bool), 2, closed=True) == []


@pytest.mark.parametrize("k", [0, 6])
def test_k_out_of_range_is_refused(k: int) -> None:
    with pytest.raises(BadInput):
        KHopRing(Fabric(12, 8), k)


def test_the_transceiver_has_its_figures() -> None:
    device = ocstrx()
    assert (device.price_usd, device.power_w) == (600, 12)
    assert 60 <= device.switch_min_us <= device.switch_max_us <= 80
