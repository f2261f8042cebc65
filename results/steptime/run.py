"""Published step times beside ours: python results/steptime/run.py

Writes the tables of README.md. Exits with 1 where a row misses its tolerance.
"""

from __future__ import annotations

import sys
from pathlib import Path

import published_runs as runs

from roundelay.files import replace_table

HERE = Path(__file__).parent


def main() -> None:
    lines, failed = [], 0
    for name, rows in runs.tables().items():
        lines += ["", f"**{runs.PUBLISHED['source'][name]}**", ""]
        lines += ["| run | theirs | ours | error | used to calibrate | verdict |", "|---|---|---|---|---|---|"]
        for row in rows:
            good = runs.held(row)
            failed += not good
            points = f" ({(row.ours - row.theirs) / 9.89:+.1f} points of MFU)" if name == "llama" else ""
            lines.append(
                f"| {row.name} | {row.theirs:g} {row.unit} | {row.ours:.4g} | {row.error:+.1%}{points} "
                f"| {'yes' if row.calibrates else 'no'} | {'met' if good else 'MISSED'} |"
            )
        judged = rows[:8] if name == "runs" else rows
        mean = sum(abs(row.error) for row in judged) / len(judged)
        worst = max(abs(row.error) for row in judged)
        goal = (
            f"; goal {runs.MEAN[name]:.1%}: {'met' if mean <= runs.MEAN[name] else 'MISSED'}"
            if name in runs.MEAN
            else ""
        )
        failed += name in runs.MEAN and mean > runs.MEAN[name]
        lines += ["", f"Mean error {mean:.2%}, worst {worst:.2%}{goal}."]
    replace_table(HERE / "README.md", lines)
    print("\n".join(lines))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
