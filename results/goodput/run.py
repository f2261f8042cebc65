"""What of the GPUs' time becomes training: python results/goodput/run.py TRACE

Writes numbers.json, goodput.svg and the tables of README.md. Theirs: the share of effective training time that Llama 3
reports, and the closed form of checkpointing under random faults.
"""

import json
import sys
from pathlib import Path

from roundelay.fabric.goodput import goodput, renewal
from roundelay.fabric.goodput.goodput import GoodputStudy
from roundelay.fabric.pages import goodput_picture, goodput_table, pictures
from roundelay.files import replace_table

HERE = Path(__file__).parent
LLAMA = {"days": 54, "faults": 419, "effective": 0.90}  # arXiv 2407.21783, section 3.3.4: unplanned; "over 90 %"
HISTORIES, MTBFS_S = 200, [1800, 3600, 10_800, 28_800, 86_400]

study = GoodputStudy(trace=sys.argv[1], mfu=1.0)
job = study.job()
compared = renewal.compare(job, MTBFS_S, histories=HISTORIES, faults=419)
lines = [*goodput_table.renewal(compared, HISTORIES), ""]
lines += goodput_table.published_run("Llama 3 405B, 16,384 GPUs", job, **LLAMA)
elastic = study.answer()
for name, rows in (("elastic", elastic), ("2,560 GPUs", study.with_(job_gpus=2560).answer())):
    lines += ["", f"Shares of all GPU-time over the trace in per cent, TP-32, job: {name}; goodput at an MFU of 1:", ""]
    lines += goodput_table.shares(rows)
(HERE / "numbers.json").write_text(json.dumps([row.as_dict() for row in elastic], indent=1) + "\n", encoding="utf-8")
shown = [goodput.at_mfu(row, 0.4) for row in elastic if not row.note]
pictures.save(goodput_picture.figure(shown), HERE / "goodput.svg")
replace_table(HERE / "README.md", lines)
print("\n".join(lines))
