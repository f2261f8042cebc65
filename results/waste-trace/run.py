"""Waste over the public fault trace: python results/waste-trace/run.py TRACE

Writes numbers.json, waste.svg and the table of README.md. Theirs: reference values recomputed from the authors' public
trace (reference.toml); the paper's own TP-32 figures are beside them in README.md.
"""

import json
import sys
from pathlib import Path

from roundelay.fabric.pages import pictures, waste_page
from roundelay.fabric.waste.reference import Reference
from roundelay.fabric.waste.study import Study
from roundelay.files import replace_table

HERE = Path(__file__).parent

reference = Reference.read(HERE / "reference.toml")
found = reference.measure(Study(trace=sys.argv[1]))
numbers = [{"gpus_per_node": r, "tp": tp, **row.as_dict()} for (r, tp), rows in found.items() for row in rows]
compared = reference.compare(found)
(HERE / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
replace_table(HERE / "README.md", waste_page.reference(compared))
pictures.save(waste_page.reference_figure(compared), HERE / "waste.svg")
print("\n".join(waste_page.reference(compared)))
