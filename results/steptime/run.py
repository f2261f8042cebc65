"""Published step times beside ours: python results/steptime/run.py

Writes the tables of README.md. Exits with 1 where a row misses its tolerance.
"""

from __future__ import annotations

import sys
from pathlib import Path

import runs

HERE = Path(__file__).parent
# what each table is held to: relative error of any row, mean of all; Llama in points of MFU
WORST = {"layers": 0.05, "runs": 0.085, "megatron": 0.10, "megascale": 0.10}
MEAN = {"runs": 0.035}
LLAMA_POINTS = 3.0


def held(row: runs.Row) -> bool:
    """Whether the row is within its tolerance."""
    if row.table == "llama":
        return abs(row.ours - row.theirs) / 989 * 100 <= LLAMA_POINTS
    return abs(row.error) <= WORST[row.table]


def tables() -> dict[str, list[runs.Row]]:
    """Return all rows, by table."""
    return {
        "layers": runs.layer_rows(),
        "runs": runs.korthikanti() + runs.korthikanti(data_parallel=True),
        "megatron": runs.megatron(),
        "megascale": runs.megascale(),
        "llama": runs.llama(),
    }


def main() -> None:
    lines, failed = [], 0
    for name, rows in tables().items():
        lines += ["", f"**{runs.PUBLISHED['source'][name]}**", ""]
        lines += ["| run | theirs | ours | error | used to calibrate | verdict |", "|---|---|---|---|---|---|"]
        for row in rows:
            good = held(row)
            failed += not good
            points = f" ({(row.ours - row.theirs) / 9.89:+.1f} points of MFU)" if name == "llama" else ""
            lines.append(
                f"| {row.name} | {row.theirs:g} {row.unit} | {row.ours:.4g} | {row.error:+.1%}{points} "
                f"| {'yes' if row.calibrates else 'no'} | {'met' if good else 'MISSED'} |"
            )
        judged = rows[:8] if name == "runs" else rows
        mean = sum(abs(row.error) for row in judged) / len(judged)
        worst = max(abs(row.error) for row in judged)
        goal = f"; goal {MEAN[name]:.1%}: {'met' if mean <= MEAN[name] else 'MISSED'}" if name in MEAN else ""
        failed += name in MEAN and mean > MEAN[name]
        lines += ["", f"Mean error {mean:.2%}, worst {worst:.2%}{goal}."]
    readme = HERE / "README.md"
    head = readme.read_text(encoding="utf-8").split("<!-- table -->")[0]
    readme.write_text(head + "<!-- table -->\n" + "\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
