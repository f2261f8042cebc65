"""The frames of the Realtime interface: client events parsed, server events made, and the conversation's items."""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from typing import Any

from roundelay.server.errors import ApiError, wrong

CLIENT_EVENTS = frozenset({
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "output_audio_buffer.clear", "conversation.item.create", "conversation.item.retrieve", "conversation.item.delete",
    "conversation.item.truncate", "response.create", "response.cancel",
    "transcription_session.update",  # of the beta
})  # fmt: skip
MAX_ITEMS = 512  # twice the messages that the machine's history keeps
MAX_ITEMS_BYTES = 4 << 20  # UTF-8 text in all of them together
Frame = dict[str, Any]


def new_id(kind: str) -> str:
    """A new id, `kind_…`."""
    return f"{kind}_{uuid.uuid4().hex[:20]}"


def frame(kind: str, **fields: Any) -> Frame:
    """A server event."""
    return {"type": kind, "event_id": new_id("event"), **fields}


def error_frame(error: ApiError, client_event: str | None = None) -> Frame:
    """The error event of an error."""
    body = {"type": error.kind, "code": error.code, "message": str(error), "param": error.param}
    return frame("error", error={**body, "event_id": client_event})


def read(line: str) -> Frame:
    """A client event. Raises `ApiError` 400 for text that is no JSON object, or of an unknown type."""
    try:
        made = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "invalid_json", f"the frame is not JSON ({str(error)[:80]})") from None
    if not isinstance(made, dict) or not isinstance(made.get("type"), str):
        raise wrong("type", "a frame must be a JSON object with a type", "missing_required_parameter")
    if made["type"] not in CLIENT_EVENTS:
        raise wrong("type", f"{made['type'][:60]} is not a client event", "unknown_event")
    return made


def _bytes(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_bytes, value.values()))
    if isinstance(value, list):
        return sum(map(_bytes, value))
    return len(value.encode(errors="replace")) if isinstance(value, str) else 0


class Items:
    """The conversation's items in order, as the client knows them; the oldest are dropped beyond a limit."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Frame] = OrderedDict()
        self._keys: dict[str, str] = {}

    @property
    def last(self) -> str | None:
        """The id of the newest item."""
        return next(reversed(self._items), None)

    def add(self, item: Frame, key: str, after: str | None = None) -> str | None:
        """Add an item, whose name in the machine's history is `key`, at the end or `after` another.

        Returns the id of the one before it.
        """
        before = after or self.last
        self._items[item["id"]], self._keys[item["id"]] = item, key
        if after is not None:
            names = list(self._items)
            for name in names[names.index(after) + 1 : -1]:
                self._items.move_to_end(name)
        total = sum(map(_bytes, self._items.values()))  # counted again, as items grow until they are done
        while len(self._items) > MAX_ITEMS or (total > MAX_ITEMS_BYTES and len(self._items) > 1):
            old, gone = self._items.popitem(last=False)
            self._keys.pop(old, None)
            total -= _bytes(gone)
        return before

    def get(self, name: Any, code: str) -> Frame:
        """The item with that id. Raises `ApiError` 400 with this code if there is none."""
        if not isinstance(name, str) or name not in self._items:
            raise wrong("item_id", f"there is no item {str(name)[:60]}", code)
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._items

    def key(self, name: str) -> str:
        """The item's name in the machine's history."""
        return self._keys[name]

    def remove(self, name: str) -> None:
        """Remove the item."""
        del self._items[name]
        self._keys.pop(name, None)
