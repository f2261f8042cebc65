"""The fast planners against exact solvers on seeded small fabrics: python results/placement-oracles/run.py [CASES]

Packing, alignment and repair, each against OR-tools CP-SAT (tests/fabric/oracles.py). Writes the table of README.md.
"""

import sys
from pathlib import Path

from roundelay.fabric.pages import markdown
from roundelay.files import replace_table

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "fabric"))

import oracle_cases  # noqa: E402

cases = int(sys.argv[1]) if len(sys.argv) > 1 else 300
lines = markdown.table(oracle_cases.HEADS, [])
for name, case in oracle_cases.CASES.items():
    lines.append(oracle_cases.line(name, oracle_cases.collect(case, cases)))
    print(lines[-1], flush=True)
replace_table(HERE / "README.md", lines)
