# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay"]
# ///
"""Which fabric for a model: the step's time, the GPUs that faults leave unusable, the price of a GPU's
interconnect: python examples/10_compare_fabrics.py

`roundelay fabric compare` goes on to goodput and the price of a trillion tokens, as one page.
"""

from roundelay import step_time, waste
from roundelay.fabric.cost.bills import read

FABRICS = ("infinitepod-k3", "nvl-72")

bills = {bill.arch: bill for bill in read().choose(",".join(FABRICS))}
wasted = waste(",".join(FABRICS), gpus=2880, tp=16, fault_ratio=0.03, seeds=2)

for name in FABRICS:
    step = step_time("llama3-405b", gpus=2048, tp=16, pp=8, fabric=name)
    print(
        f"{name:15} step {step.step_s:5.1f} s, MFU {step.mfu:.1%}, "
        f"wasted at 3 % faults {wasted[name].waste:.2%}, {bills[name].usd_per_gpu:,.0f} USD a GPU"
    )
print(step)
