"""After a fault: the placement with the fewest groups disturbed, and the list of moves.

A group that lost a node is rebuilt from free nodes where they form a run of m; otherwise the shortest run of
neighbouring groups is found whose free nodes, with those between and inside them, make one group more, and these groups
are cut anew. That is the fewest possible where a group spans at least K nodes (checked against an exact solver);
shorter groups can be hopped over, which is tried for one after the other. O(nodes), no loop over groups. Where groups
of one size are not enough, or a set of several sizes is smaller, groups of any size move (`exchange`). Method: ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.placement import exchange
from roundelay.fabric.placement.placement import JobPlace, Placement

Window = tuple[list[int], list[np.ndarray]]  # the groups that move, and the chains they and the hit group are cut into


class Unrepairable(BadInput):
    """A group that lost a node cannot be rebuilt; `job` is the name of its job."""

    def __init__(self, job: str, nodes: Sequence[int]) -> None:
        self.job = job
        super().__init__(
            "group",
            list(nodes),
            "cannot be rebuilt: the nodes that are up do not hold all groups at once, however they are moved; "
            "return a node, or release or shrink a job",
        )


@dataclass(frozen=True, slots=True)
class Move:
    """One group's change: its job, its index there, its nodes before and after."""

    job: str
    group: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Repair:
    """The repaired placement and what it took; `disturbed` counts every group that changed, hit ones included."""

    placement: Placement
    moves: tuple[Move, ...]

    @property
    def disturbed(self) -> int:
        return len(self.moves)


def repair(placement: Placement, failed: Sequence[int]) -> Repair:
    """Return the repair after the nodes of `failed` have gone down: the groups that changed, the fewest possible.

    The epoch rises only if a group changed. Raises `BadInput` for a node that does not exist, and `Unrepairable` where
    a group cannot be rebuilt.
    """
    for node in failed:
        if not 0 <= node < placement.deployment.nodes:
            raise BadInput("--fail", node, f"the fabric has nodes 0 to {placement.deployment.nodes - 1}")
    down = tuple(sorted((*placement.down, *set(failed).difference(placement.down, placement.missing))))
    state = _State(replace(placement, down=down))
    for index in state.hit:
        state.rebuild(index)
    return state.result(placement)


def restore(placement: Placement, nodes: Sequence[int]) -> Placement:
    """Return the placement with these nodes up again and free; no group changes, so the epoch stays."""
    up = set(nodes)
    return placement.changed(down=tuple(node for node in placement.down if node not in up))


class _State:
    """The groups of all jobs while they are rebuilt; `owner` int [N]: the group at each position, -1 free, -2 down."""

    def __init__(self, placement: Placement) -> None:
        deployment = placement.deployment
        self.placement, self.deployment = placement, deployment
        self.k, self.closed = deployment.ring.k, deployment.ring.closed
        self.owner = np.full(deployment.nodes, -1, dtype=np.int64)
        arrays = [job.array() for job in placement.jobs]
        self.sizes = np.concatenate([np.zeros(0, np.int64), *(np.full(len(a), a.shape[1]) for a in arrays)])
        flat = np.concatenate([np.zeros(0, np.int64), *(a.ravel() for a in arrays)])
        self.owner[deployment.position(flat)] = np.repeat(np.arange(len(self.sizes)), self.sizes)
        self.first = np.cumsum(self.sizes) - self.sizes
        self.flat = flat
        self.changed: dict[int, tuple[int, ...]] = {}
        down = deployment.position(np.array((*placement.down, *placement.missing), dtype=np.int64))
        lost = self.owner[down]
        self.hit: list[int] = np.unique(lost[lost >= 0]).tolist()  # the groups that lost a node
        self.owner[down] = -2

    def members(self, index: int) -> tuple[int, ...]:
        """Return a group's nodes as they stand now."""
        if index in self.changed:
            return self.changed[index]
        return tuple(int(n) for n in self.flat[self.first[index] : self.first[index] + self.sizes[index]])

    def _job(self, index: int) -> str:
        """Return the name of a group's job."""
        ends = np.cumsum([len(job.groups) for job in self.placement.jobs])
        return self.placement.jobs[int(np.searchsorted(ends, index, side="right"))].name

    def rebuild(self, index: int) -> None:
        """Give the hit group m nodes again, moving the fewest other groups."""
        m = int(self.sizes[index])
        survivors = self.owner == index
        if int(survivors.sum()) == m:
            return  # another group's repair gave it new nodes already
        self.owner[survivors] = -1
        turn = self._seam(index)
        owner = np.roll(self.owner, -turn)
        chain = _free_run(owner, np.roll(survivors, -turn), self.k, m, self.closed) if m else None
        if chain is not None:
            self._set(index, (chain + turn) % len(owner))
            return
        window = _window(owner, self.sizes, self.k, m, self.closed)
        if window is not None and (len(window[0]) == 1 or (self.sizes == m).all()):
            groups, chains = window
            self._assign([*groups, index], [(c + turn) % len(owner) for c in chains])
            return
        self._exchange(index, window, turn)

    def _exchange(self, index: int, window: Window | None, turn: int) -> None:
        """Rebuild the group by moving groups of any size, unless `window` moves as few of its own."""
        fewer_than = None if window is None else len(window[0])
        near = int(self.deployment.position(np.array(self.members(index)[0])))
        found = exchange.exchange(self.owner, self.sizes, index, near, self.k, self.closed, fewer_than)
        if found is not None:
            self.owner[np.isin(self.owner, list(found))] = -1
            for group, chain in found.items():
                self._set(group, chain)
        elif window is not None:
            groups, chains = window
            self._assign([*groups, index], [(c + turn) % len(self.owner) for c in chains])
        else:
            raise Unrepairable(self._job(index), self.members(index))

    def _seam(self, index: int) -> int:
        """Return a ring position that cuts no group, to unroll a closed ring at: the one after another group's end."""
        others = [g for g in range(min(len(self.sizes), 2)) if g != index and self.sizes[g]]
        if not self.closed or not others:
            return 0
        last = self.members(others[0])[-1]
        return int(self.deployment.position(np.array(last)) + 1) % len(self.owner)

    def _assign(self, groups: list[int], chains: list[np.ndarray]) -> None:
        """Give the chains to the groups so that most nodes stay; both in ring order, but the hit group comes last."""
        others, hit = groups[:-1], groups[-1]
        best: tuple[int, list[int]] | None = None
        before = {g: set(self.members(g)) for g in groups}
        nodes = [{int(x) for x in self.deployment.node(chain)} for chain in chains]
        for at in range(len(others) + 1):
            order = [*others[:at], hit, *others[at:]]
            stay = sum(len(before[g] & nodes[i]) for i, g in enumerate(order))
            if best is None or stay > best[0]:
                best = (stay, order)
        assert best is not None
        for g in others:
            self.owner[self.owner == g] = -1
        for g, chain in zip(best[1], chains, strict=True):
            self._set(g, chain)

    def _set(self, index: int, chain: np.ndarray) -> None:
        self.owner[chain] = index
        self.changed[index] = tuple(int(x) for x in self.deployment.node(chain))

    def result(self, before: Placement) -> Repair:
        """Return the repaired placement and its moves; only what changed is checked again."""
        jobs, moves, first = [], [], 0
        for job in self.placement.jobs:
            mine = {i - first: nodes for i, nodes in self.changed.items() if first <= i < first + len(job.groups)}
            first += len(job.groups)
            changed = {i: nodes for i, nodes in sorted(mine.items()) if nodes != job.groups[i]}
            if not changed:
                jobs.append(job)
                continue
            nodes_Gm, groups = job.array().copy(), list(job.groups)
            for i, nodes in changed.items():
                moves.append(Move(job.name, i, groups[i], nodes))
                groups[i], nodes_Gm[i] = nodes, nodes
                self._verify(nodes)
            jobs.append(JobPlace(job.name, job.tp, tuple(groups), nodes_Gm))
        failed = ", ".join(before.host(node) for node in sorted(set(self.placement.down).difference(before.down)))
        return Repair(before.changed(jobs=tuple(jobs), down=self.placement.down, event=f"down {failed}"), tuple(moves))

    def _verify(self, nodes: tuple[int, ...]) -> None:
        """Assert that a rebuilt group holds exactly its nodes, all up, and can be spliced."""
        position = self.deployment.position(np.array(nodes))
        owner = self.owner[position]
        assert len(set(nodes)) == len(nodes) and (owner == owner[0]).all() and owner[0] >= 0
        assert int((self.owner == owner[0]).sum()) == len(nodes)
        conflict = self.deployment.ring.conflict(position.tolist())
        assert conflict is None, conflict


def _runs(position: np.ndarray, k: int) -> np.ndarray:
    """Return the number of the run of each ascending position; a gap over K begins another."""
    return np.concatenate([[0], np.cumsum(np.diff(position) > k)]) if len(position) else position


def _spliceable(chain: np.ndarray, k: int) -> bool:
    """Return whether no node needs both longest hops of an odd K, which share a bundle."""
    hops = np.diff(chain)
    return k == 1 or k % 2 == 0 or not ((hops[1:] == k) & (hops[:-1] == k)).any()


def _free_run(owner: np.ndarray, kept: np.ndarray, k: int, m: int, closed: bool) -> np.ndarray | None:
    """Return m free positions of one run that keep the most of the hit group's own nodes; None if no run has m."""
    free = np.flatnonzero(owner == -1)
    if len(free) < m:
        return None
    if closed:
        free = np.concatenate([free, free[: m - 1] + len(owner)])
    run = _runs(free, k)
    unbroken = run[m - 1 :] == run[: len(run) - m + 1]
    stay = np.concatenate([[0], np.cumsum(kept[free % len(owner)])])
    gain = np.where(unbroken, stay[m:] - stay[:-m], -1)
    for start in np.argsort(-gain, kind="stable"):
        if gain[start] < 0:
            return None
        if _spliceable(free[start : start + m], k):
            return free[start : start + m]
    return None


def _window(owner: np.ndarray, sizes: np.ndarray, k: int, m: int, closed: bool) -> Window | None:
    """Return the fewest neighbouring groups of m whose nodes, with the free ones around them, form one group more.

    And the chains they are cut into. A closed ring is unrolled twice, so that a window may cross the seam; none is
    longer than the ring.
    """
    same = (owner >= 0) & (sizes[np.maximum(owner, 0)] == m)
    position = np.flatnonzero(same | (owner == -1))
    once = len(position)
    holder = owner[position]
    count = len(np.unique(holder[holder >= 0]))
    if not count:
        return None
    if closed:
        position = np.concatenate([position, position + len(owner)])
        holder = np.concatenate([holder, np.where(holder >= 0, holder + len(sizes), -1)])
    run = _runs(position, k)
    groups, low, high = _spans(holder)
    joined = np.concatenate([[False], run[low[1:]] == run[low[:-1]]])  # in the same run as the group before
    left = np.where(joined, np.concatenate([[0], high[:-1] + 1]), np.searchsorted(run, run[low]))
    ends = np.searchsorted(run, run[low], side="right")
    right = np.where(np.concatenate([joined[1:], [False]]), np.concatenate([low[1:], [0]]), ends)
    free = np.concatenate([[0], np.cumsum(holder < 0)])
    # Groups i … j have free[right[j]] - free[left[i]] free nodes; the least j with m of them is found for every i.
    reach = np.searchsorted(free[right], free[left] + m)
    length = reach - np.arange(len(groups)) + 1
    length[(reach >= np.searchsorted(run[low], run[low], side="right")) | (length > count)] = count + 1
    for i in np.argsort(length, kind="stable"):
        if length[i] > count:
            return None
        inside = slice(left[i], min(right[reach[i]], left[i] + once))
        moved = list(groups[i : reach[i] + 1])
        if not np.isin(holder[inside], [-1, *moved]).all():
            continue  # a group that interleaves with these would be cut
        chains = _cut_window(position[inside], k, m, len(moved) + 1)
        if chains is not None:
            if m < k:
                moved, chains = _leave_some(position[inside], holder[inside], moved, chains, k)
            return [int(g) % len(sizes) for g in moved], chains
    return None


def _leave_some(
    position: np.ndarray, holder: np.ndarray, moved: list[int], chains: list[np.ndarray], k: int
) -> tuple[list[int], list[np.ndarray]]:
    """Return fewer groups and their chains: groups shorter than K may be hopped over and stay; each is tried."""
    m = len(chains[0])
    for group in list(moved):
        stays = holder != group
        rest = position[stays]
        runs = np.split(rest, np.flatnonzero(np.diff(rest) > k) + 1)
        cut = [run[start : start + m] for run in runs for start in range(0, len(run) - m + 1, m)]
        fewer = [g for g in moved if g != group]
        if len(cut) > len(fewer) and all(_spliceable(chain, k) for chain in cut[: len(fewer) + 1]):
            position, holder, moved, chains = rest, holder[stays], fewer, cut[: len(fewer) + 1]
    return moved, chains


def _spans(holder: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (group, first index, last index) of every group in `holder`, in order of place."""
    held = np.flatnonzero(holder >= 0)
    groups, first = np.unique(holder[held], return_index=True)
    _, from_end = np.unique(holder[held][::-1], return_index=True)
    order = np.argsort(first)
    return groups[order], held[first[order]], held[len(held) - 1 - from_end[order]]


def _cut_window(position: np.ndarray, k: int, m: int, wanted: int) -> list[np.ndarray] | None:
    """Return the window cut into so many groups, or None where it is too small or an odd K forbids it."""
    if len(position) < wanted * m:
        return None
    chains = [position[start * m : start * m + m] for start in range(wanted)]
    return chains if all(_spliceable(chain, k) for chain in chains) else None
