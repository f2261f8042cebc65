"""Answers about the state of a GPU fabric, from numbers that are given (ours)."""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.voice.nlu.domain.tables import terms

NONE = "No fabric is connected."
MAX_LISTED_NODES = 5  # nodes listed by number; of more only the first ones
TOPICS = (
    "status", "nodes", "gpus", "healthy", "faults", "down", "waste", "spares", "groups", "size", "idle", "busy", "jobs",
    "ring",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FabricFacts:
    """The state of a fabric in numbers; `nodes` 0 means that none is connected.

    `down` are the numbers of the nodes with a fault, `waste` is the share of all GPUs that is healthy but in
    no whole group, `reach` the number of neighbours on each side a node can be connected to (K), `group_gpus` the GPUs
    of a group.
    """

    nodes: int = 0
    gpus_per_node: int = 4
    down: tuple[int, ...] = ()
    groups: int = 0
    group_gpus: int = 0
    spare_nodes: int = 0
    jobs: int = 0
    waste: float = 0.0
    reach: int = 2
    closed: bool = True

    @property
    def gpus(self) -> int:
        """All GPUs."""
        return self.nodes * self.gpus_per_node

    @property
    def busy(self) -> int:
        """The GPUs of all groups."""
        return self.groups * self.group_gpus

    @property
    def idle(self) -> int:
        """The healthy GPUs in no group."""
        return max(0, (self.nodes - len(self.down)) * self.gpus_per_node - self.busy)


def counted(count: int, one: str) -> str:
    """A count with its noun: "1 node", "1,024 nodes", "no nodes"."""
    return f"{f'{count:,}' if count else 'no'} {one}{'' if count == 1 else 's'}"


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _waste(facts: FabricFacts) -> str:
    share = f"{100 * facts.waste:.1f}".removesuffix(".0")
    return f"The waste is {share} percent, {counted(round(facts.waste * facts.gpus), 'GPU')}."


def _down(facts: FabricFacts) -> str:
    if not facts.down:
        return "No node is down."
    names = [str(node) for node in facts.down[:MAX_LISTED_NODES]]
    rest = len(facts.down) - len(names)
    if rest:
        names.append(f"{rest:,} more")
    if len(facts.down) == 1:
        return f"Node {names[0]} is down."
    return f"Nodes {', '.join(names[:-1])} and {names[-1]} are down."


def _status(facts: FabricFacts) -> str:
    faults = len(facts.down)
    if not faults:
        return (
            f"All {facts.nodes:,} nodes are healthy, and {counted(facts.groups, 'group')} {_be(facts.groups)} running."
        )
    return (
        f"{counted(faults, 'node').capitalize()} of {facts.nodes:,} {_be(faults)} down, "
        f"and {counted(facts.groups, 'group')} {_be(facts.groups)} running."
    )


def _node(facts: FabricFacts, node: int) -> str:
    if node >= facts.nodes:
        return f"There is no node {node}. The last one is node {facts.nodes - 1}."
    return f"Node {node} is {'down' if node in facts.down else 'healthy'}."


def _there(count: int, one: str) -> str:
    return f"There {_be(count)} {counted(count, one)}."


def fabric_answer(slots: tuple[str, ...], facts: FabricFacts) -> str:
    """The answer of `fabric TOPIC`, `fabric node 12` and `fabric meaning ring`."""
    topic = slots[0]
    if topic == "meaning":
        return terms()[slots[1]].value
    if not facts.nodes:
        return NONE
    if topic == "node":
        return _node(facts, int(slots[1]))
    size = counted(facts.group_gpus, "GPU") if facts.group_gpus else "no size yet"
    answers = {
        "status": _status(facts),
        "nodes": f"The fabric has {counted(facts.nodes, 'node')}.",
        "gpus": f"The fabric has {counted(facts.gpus, 'GPU')}.",
        "healthy": f"{counted(facts.nodes - len(facts.down), 'node').capitalize()} of {facts.nodes:,} are healthy.",
        "faults": _there(len(facts.down), "fault"),
        "down": _down(facts),
        "waste": _waste(facts),
        "spares": _there(facts.spare_nodes, "spare node"),
        "groups": _there(facts.groups, "group"),
        "size": f"A group has {size}.",
        "idle": f"{counted(facts.idle, 'GPU')} {_be(facts.idle)} idle.",
        "busy": f"{counted(facts.busy, 'GPU')} {_be(facts.busy)} busy.",
        "jobs": f"{counted(facts.jobs, 'job')} {_be(facts.jobs)} running.",
        "ring": f"The {'ring is closed' if facts.closed else 'ring is open, a line'}, and a node reaches "
        f"{counted(facts.reach, 'neighbor')} on each side.",
    }
    answer = answers[topic]
    return answer[0].upper() + answer[1:]
