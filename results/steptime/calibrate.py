"""How the constants were set: python results/steptime/calibrate.py

On the rows that `published.toml` and `published-fsdp.toml` mark, and on no other. Prints what stands in
`src/roundelay/fabric/specs/hardware-*.toml` and `software.toml`.
"""

from itertools import chain
from pathlib import Path

from roundelay.fabric.steptime.calibration import calibrate, calibrate_sharded
from roundelay.fabric.steptime.published import PublishedRuns
from roundelay.fabric.steptime.published_fsdp import FsdpRuns

HERE = Path(__file__).parent
published, sharded = PublishedRuns.read(HERE / "published.toml"), FsdpRuns.read(HERE / "published-fsdp.toml")

for found in chain(calibrate(published), calibrate_sharded(sharded)):
    print(", ".join(f"{name} = {value:.2f}" for name, value in found.ratios.items()), f"rms {found.rms_error:.2%}")
