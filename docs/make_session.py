"""Draw the transitions of a conversation into docs/voice-realtime.md, from the table itself: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from roundelay.voice.realtime.core.state import State
from roundelay.voice.realtime.core.transitions import ANYWHERE, ROWS, always

PAGE = Path(__file__).with_name("voice-realtime.md")
BEGIN, END = "<!-- drawn from the table by docs/make_session.py -->", "<!-- end of the drawing -->"
DUE = "roundelay.voice.realtime.core.state"


def name(event: type) -> str:
    """The event's name; one that time alone makes in italics."""
    return f"*{event.__name__}*" if event.__module__ == DUE else event.__name__


def told(thing: object) -> str:
    """The first line of a docstring, without its full stop."""
    return (getattr(thing, "__doc__", "") or "").strip().split("\n")[0].rstrip(".")


def picture() -> list[str]:
    """A Mermaid drawing of the states: every change of state, with the events that make it."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for row in ROWS:
        if row.state is not row.to:
            events = arrows.setdefault((row.state, row.to), [])
            if row.event.__name__ not in events:
                events.append(row.event.__name__)
    lines = [f"    {a.value} --> {b.value}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return ["```mermaid", "stateDiagram-v2", "    [*] --> Silence", *lines, "    Closed --> [*]", "```"]


def table() -> list[str]:
    """Every row, in the order in which rows are tried."""
    lines = ["| in | on | if | then | to |", "|---|---|---|---|---|"]
    for row in ROWS:
        guard = "" if row.guard is always else told(row.guard)
        to = "" if row.to is row.state else row.to.value
        lines.append(f"| {row.state.value} | {name(row.event)} | {guard} | {told(row.effect)} | {to} |")
    lines += [f"| anywhere | {name(event)} | | {told(effect)} | |" for event, effect in ANYWHERE]
    return lines


def drawing() -> str:
    """The drawing and the table, between their marks."""
    return "\n".join([BEGIN, "", *picture(), "", *table(), "", END])


def page(text: str) -> str:
    """The page with the drawing as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + drawing() + after


def main() -> None:
    text = page(PAGE.read_text(encoding="utf-8"))
    if "--print" in sys.argv:
        sys.stdout.write(text)
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
