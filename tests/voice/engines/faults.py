"""What an engine may do wrong in a call; `released` ends the calls that hang."""

from __future__ import annotations

import threading
from typing import Any

released = threading.Event()


def hangs() -> Any:
    released.wait(30)


def raises() -> Any:
    raise RuntimeError("out of memory")
