"""How the constants were set: python results/steptime/calibrate.py

On the rows that `published.toml` marks, and on no other. Prints what stands in
`src/roundelay/fabric/specs/hardware-*.toml`.
"""

from pathlib import Path

from roundelay.fabric.steptime.calibration import calibrate
from roundelay.fabric.steptime.published import PublishedRuns

for found in calibrate(PublishedRuns.read(Path(__file__).parent / "published.toml")):
    print(", ".join(f"{name} = {value:.2f}" for name, value in found.ratios.items()), f"rms {found.rms_error:.2%}")
