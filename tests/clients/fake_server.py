"""Servers for clients of other projects to talk to: each hears something else. Prints their ports as JSON, then waits.

Runs in Roundelay's environment; its standard input closing is the sign to stop.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "server"))

from server_case import FakeEngine, running

HEARD = {"time": "what is the time", "story": "tell me a story " * 60, "weather": "the weather in Paris"}


def main() -> None:
    """Run them until nobody needs them."""
    with ExitStack() as stack:
        ports = {name: stack.enter_context(running(FakeEngine(words))).port for name, words in HEARD.items()}
        print(json.dumps(ports), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
