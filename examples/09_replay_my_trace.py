# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay"]
# ///
"""Replay the fault history of my own cluster: python examples/09_replay_my_trace.py [TRACE.json]

A trace is JSON in the format of the InfinitePOD authors' public one (docs/fabric-waste.md). Without one, the built-in
fault model writes half a year of 400 servers.
"""

import sys
from pathlib import Path

from roundelay import waste
from roundelay.fabric.faults import generator, history, trace

path, servers = Path(sys.argv[1] if len(sys.argv) > 1 else "my-trace.json"), None
if not path.exists():
    servers = 400  # which the file does not state; of an own trace, what it names is taken, and said
    path.write_text(trace.dumps(generator.generate(generator.read_model(), servers, days=180, seed=3)))

read = trace.read(path, servers)
print({name: history.summary(read)[name] for name in ("servers", "days", "faults")})

table = waste("infinitepod-k3,nvl-72,tpuv4-cube", gpus=2880, tp=32, trace=str(path), servers=servers, seeds=3)
print(table)
ring, switch = table["infinitepod-k3"], table["nvl-72"]
print(f"the ring wastes {ring.waste:.2%} of the GPUs, NVL-72 {switch.waste:.2%}")
