# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay"]
# ///
"""Place two jobs on a ring and write the first for torchrun: python examples/08_place_a_job.py [FOLDER]"""

import sys
from pathlib import Path

from roundelay import place
from roundelay.fabric.emit.targets import emit
from roundelay.fabric.placement.explain import of_placement

# 128 nodes of 4 GPUs, four under each top-of-rack switch; nodes 5 and 77 are down
one = place(256, nodes=128, nodes_per_tor=4, faults=[5, 77], tp=32, name="llama")
both = place(64, into=one, tp=16, name="second")
print(both)
for name, score in of_placement(both)["jobs"].items():
    print(f"{name}: {score['cross_tor']:.0%} of its traffic leaves a ToR, {score['cross_tor_bound']:.0%} is the bound")

group = one.job("llama").groups[0]
print("first group, in ring order:", " ".join(one.host(node) for node in group))

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "torchrun")
folder.mkdir(exist_ok=True)
(folder / "placement.json").write_text(both.dumps())
for name, text in emit(both, "torchrun", job="llama").files.items():
    (folder / name).write_text(text)
print("wrote", *sorted(path.name for path in folder.iterdir()))
