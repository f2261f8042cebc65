"""Write the tables of docs/voice-domain.md from the domain itself: python docs/make_domain.py [--print]"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import numpy as np

from roundelay.voice.data.fillings import fill
from roundelay.voice.nlu.domain.fabric import FabricFacts
from roundelay.voice.nlu.domain.phrasings import SLOT, intents
from roundelay.voice.nlu.domain.tables import cities, countries, families, units
from roundelay.voice.nlu.skills import Call, answer, known_of

PAGE = Path(__file__).with_name("voice-domain.md")
MARK = "<!-- made by docs/make_domain.py: do not edit below -->"
NOW = datetime(2026, 11, 25, 21, 5)
FABRIC = FabricFacts(nodes=720, down=(3, 17), groups=88, group_gpus=32, spare_nodes=4, jobs=3, waste=0.0125)


def examples() -> list[str]:
    """Rows of one question, its call and its answer for every way of asking."""
    rows, rng = ["| call | one of its questions | answer |", "|---|---|---|"], np.random.default_rng(7)
    for intent in intents():
        values = fill(intent, rng)
        while (
            "country" in values
            and intent.call.split()[0] not in ("capital",)
            and not known_of(intent.call.split()[0], values["country"].call)
        ):
            values = fill(intent, rng)
        call = Call.parse(intent.fill({name: form.call for name, form in values.items()}))
        said = SLOT.sub(lambda found, values=values: values[found[1]].spoken, intent.phrasings["train"][0])
        rows.append(f"| `{call}` | {said} | {answer(call, NOW, FABRIC)} |")
    return rows


def main() -> None:
    kinds: dict[str, list[str]] = {}
    for name, unit in units().items():
        kinds.setdefault(unit.kind, []).append(name)
    counts = {split: sum(len(intent.phrasings[split]) for intent in intents()) for split in ("train", "dev", "test")}
    lines = [
        f"Phrasings: {counts['train']} train, {counts['dev']} dev, {counts['test']} test. Answers below are those of 9:05 PM on November 25, 2026, and of a fabric of 720 nodes.",
        "", *examples(), "", "## Units", "", "| kind | names in a call |", "|---|---|",
        *(f"| {kind} | {', '.join(names)} |" for kind, names in kinds.items()),
        "", "## Facts", "", "| family | facts | of what | source |", "|---|---|---|---|",
        *(f"| {family.name} | {len(family.entries)} | {', '.join(family.entries)} | {family.source} |" for family in families().values()),
        "", "## Countries", "", f"Capitals of {len(countries())}: {', '.join(countries())}.", "",
        f"Asked by their capital, {len(cities())}: {', '.join(cities())}.",
    ]  # fmt: skip
    head = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    page = head + MARK + "\n\n" + "\n".join(lines) + "\n"
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(page)
    else:
        PAGE.write_text(page, encoding="utf-8")


main()
