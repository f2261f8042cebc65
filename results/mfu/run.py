"""MFU on InfinitePOD and DGX, 1k to 131k GPUs: python results/mfu/run.py

For two models, at a fixed and at a scaled batch, with and without context parallelism: the best configuration of each fabric,
found exactly. Writes numbers.csv, mfu.svg and the tables of README.md.
"""

from dataclasses import replace
from pathlib import Path

from roundelay.fabric.pages import pictures, scaling_page
from roundelay.fabric.pages.scaling_page import DGX, DGX_FAST, NVL, RING
from roundelay.fabric.specs import architectures
from roundelay.fabric.steptime.scaling import Setting, points
from roundelay.files import replace_table, write_csv

HERE = Path(__file__).parent
GPUS = [1024 * 2**i for i in range(8)]
MODELS = {"llama3-405b": 8192, "gpt-moe-1.1t": 2048}  # and the length of its sequences
ring, dgx, nvl = (architectures.links(name) for name in (RING, DGX, NVL))
FABRICS = {RING: ring, DGX: dgx, DGX_FAST: replace(dgx, hbd_gbps=ring.hbd_gbps), NVL: nvl}

settings = [
    Setting(model, seq, batch, context)
    for model, seq in MODELS.items()
    for batch in (2048, 0)
    for context in (False, True)
]
found = []
for point in points(settings, GPUS, FABRICS):
    found.append(point)
    print(point.setting.title, f"{point.gpus:,}", f"{point.ratio(RING, DGX):.2f}", flush=True)
write_csv(HERE / "numbers.csv", [row for point in found for row in point.rows()], force=True)
pictures.save(scaling_page.figure(found), HERE / "mfu.svg")
replace_table(HERE / "README.md", scaling_page.tables(found))
