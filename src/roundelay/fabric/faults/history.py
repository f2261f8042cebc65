"""What a fault history looks like in a dozen numbers: the ones a generator must reproduce."""

from __future__ import annotations

import numpy as np

from roundelay.fabric.faults.distribution import Distribution
from roundelay.fabric.faults.trace import Trace, whole_servers
from roundelay.fabric.topology.topology import Fabric


def servers_down(trace: Trace) -> Distribution:
    """Return the distribution over time of the number of servers that are down."""
    events = whole_servers(trace)
    return Distribution.of(trace.servers - events.healthy(trace.servers), events.durations())


def summary(trace: Trace) -> dict[str, float | int]:
    """Return the history's statistics; ratios are of servers, weighted by time where they vary in it."""
    down = servers_down(trace)
    repair = trace.end_days - trace.start_days
    merged_server, _, _ = trace.merged()
    per_server = np.bincount(trace.server, minlength=trace.servers)
    some = repair if repair.size else np.zeros(1)
    return {
        "servers": trace.servers,
        "gpus": Fabric(trace.servers, trace.gpus_per_server).gpus,
        "days": trace.horizon_days,
        "faults": trace.faults,
        "faults_of_no_duration": int((repair == 0).sum()),
        "faults_overlapping": trace.faults - int((repair == 0).sum()) - len(merged_server),
        "down_ratio_mean": down.mean / trace.servers,
        "down_ratio_p50": down.quantile(0.5) / trace.servers,
        "down_ratio_p99": down.quantile(0.99) / trace.servers,
        "down_ratio_max": int(down.values[-1]) / trace.servers,
        "servers_without_fault_ratio": float((per_server == 0).mean()),
        "faults_per_server_variance": float(per_server.var()),
        "repair_p50_days": float(np.quantile(some, 0.5)),
        "repair_mean_days": float(some.mean()),
        "repair_p99_days": float(np.quantile(some, 0.99)),
    }
