# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay"]
# ///
"""Repair a placement after a fault: the fewest groups move, and the light paths that must switch are listed.

python examples/12_repair_after_a_fault.py
"""

from roundelay import place
from roundelay.fabric.placement.repair import repair

before = place(1024, nodes=320, tp=32, nodes_per_tor=4, spare_every=2)
failed = before.job().groups[3][2]
print(f"{len(before.job().groups)} groups; {before.host(failed)} fails")

after = repair(before, [failed])
for move in after.moves:
    left, joined = set(move.before) - set(move.after), set(move.after) - set(move.before)
    print(f"group {move.group}: {len(left)} node leaves, {len(joined)} joins")
print(f"{after.disturbed} of {len(before.job().groups)} groups disturbed")
switched = before.circuits().diff(after.placement.circuits())
print(f"{len(switched)} bundles to switch, the first of node {switched[0][0]}")
