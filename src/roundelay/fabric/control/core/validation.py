"""Which events cannot happen now: the first thing asked, before anything changes."""

from __future__ import annotations

import math

from roundelay.fabric.control.core import events as ev
from roundelay.fabric.control.core.state import Memory
from roundelay.machine import IllegalEvent


def check(m: Memory, event: ev.Event) -> None:
    """Raise `IllegalEvent` for what cannot happen now; codes: earlier unknown already known not_running gpus."""
    if not math.isfinite(event.at_s) or event.at_s < m.now_s:
        raise IllegalEvent("earlier", f"an event at {event.at_s} s came after one at {m.now_s} s")
    if isinstance(event, ev.NodeDown | ev.NodeUp):
        _nodes(m, event.nodes, down=isinstance(event, ev.NodeDown))
    elif isinstance(event, ev.JobSubmitted):
        if m.job(event.job.name) is not None:
            raise IllegalEvent("known", f"job {event.job.name} runs or waits already")
    elif isinstance(event, ev.JobEnded | ev.JobCheckpointed | ev.JobResized):
        job = m.job(event.name)
        if job is None:
            raise IllegalEvent("unknown", f"no job {event.name} runs or waits")
        if isinstance(event, ev.JobCheckpointed) and job.waits_since_s is not None:
            raise IllegalEvent("not_running", f"job {event.name} waits; only a running job has checkpoints")
        if isinstance(event, ev.JobResized) and (event.gpus < job.request.tp or event.gpus % job.request.tp):
            raise IllegalEvent(
                "gpus", f"{event.gpus} GPUs for job {event.name}: give a multiple of its TP-{job.request.tp}"
            )
    elif not isinstance(event, ev.Tick):
        raise IllegalEvent("unknown", f"{type(event).__name__} is no event of the controller")


def _nodes(m: Memory, nodes: tuple[int, ...], *, down: bool) -> None:
    if not nodes or len(set(nodes)) < len(nodes):
        raise IllegalEvent("unknown", f"nodes {list(nodes)}: name each node once, and at least one")
    is_down = set(m.placement.down)
    for node in nodes:
        if not 0 <= node < m.placement.deployment.nodes:
            raise IllegalEvent("unknown", f"there is no node {node}")
        if (node in is_down) == down:
            raise IllegalEvent("already", f"node {node} is {'down' if down else 'up'} already")
