"""The beta of the Realtime interface: its flat settings and its names of events, to and from those of today.

Flat settings are understood from any client, as no setting of today has such a name. Frames go out under the
beta's names only to a client that says it speaks the beta: the header `OpenAI-Beta: realtime=v1`, the subprotocol
`openai-beta.realtime-v1`, a key of `/v1/realtime/sessions`, or `transcription_session.update`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import HTTPConnection

from roundelay.server.realtime.frames import Frame

# Flat settings, each with its place in those of today.
SESSION = {
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "output_audio_format": ("audio", "output", "format"),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
}
RESPONSE = {
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
    "output_audio_format": ("audio", "output", "format"),
    "voice": ("audio", "output", "voice"),
}
SENT_BACK = ("client_secret",)  # of a session as it is shown, which clients send back
FORMATS = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
PARTS = {"output_audio": "audio", "output_text": "text"}
UPDATE, PROTOCOL = "transcription_session.update", "openai-beta.realtime-v1"


def is_spoken_by(connection: HTTPConnection) -> bool:
    """Whether the client says that it speaks the beta."""
    protocols = connection.scope.get("subprotocols", ())
    header = connection.headers.get("openai-beta", "").replace(" ", "").lower()
    return "realtime=v1" in header or PROTOCOL in protocols


def nested(given: Mapping[str, Any], places: Mapping[str, tuple[str, ...]] = SESSION) -> Mapping[str, Any]:
    """Settings with the flat ones at their places of today; what is there already stays, empty text means nothing."""
    flat = [key for key in places if key in given]
    if not flat and not any(key in given for key in SENT_BACK):
        return given
    made: dict[str, Any] = {key: value for key, value in given.items() if key not in places and key not in SENT_BACK}
    for key in flat:
        if given[key] != "":
            _put(made, places[key], given[key])
    return made


def _put(made: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    """Put a value where there is none yet; what is no object on the way is left to be refused."""
    *way, last = place
    for step in way:
        below = made.get(step)
        if below is not None and not isinstance(below, Mapping):
            return
        made[step] = dict(below or {})
        made = made[step]
    made.setdefault(last, value)


def client_event(message: Frame) -> Frame:
    """A client's event as one of today."""
    if message["type"] == UPDATE:  # its settings stand in `session`, or beside the type
        own = {key: value for key, value in message.items() if key not in ("type", "event_id", "session")}
        session = message.get("session", own)
        made = {**session, "type": "transcription"} if isinstance(session, Mapping) else session
        return {**message, "type": "session.update", "session": made}
    if message["type"] == "response.create" and isinstance(message.get("response"), Mapping):
        return {**message, "response": nested(message["response"], RESPONSE)}
    return message


def server_event(message: Frame) -> Frame | None:
    """A server's event under its name of the beta; None for one that the beta does not have."""
    kind = message["type"]
    if kind == "conversation.item.done":
        return None
    if kind in ("session.created", "session.updated"):
        shown = flat_session(message["session"])
        kind = kind if message["session"].get("type") == "realtime" else f"transcription_{kind}"
        return {**message, "type": kind, "session": shown}
    made = dict(message)
    made["type"] = "conversation.item.created" if kind == "conversation.item.added" else kind.replace(".output_", ".")
    if kind.startswith("response.output_item"):
        made["type"] = kind
    if isinstance(message.get("item"), Mapping):
        made["item"] = _item(message["item"])
    if isinstance(message.get("response"), Mapping):
        made["response"] = _response(message["response"])
    return made


def flat_session(shown: Mapping[str, Any]) -> Frame:
    """A session as the beta shows it."""
    heard, sound = shown["audio"]["input"], shown["audio"].get("output")
    made: Frame = {key: value for key, value in shown.items() if key not in ("audio", "type", "output_modalities")}
    made |= {
        "input_audio_format": FORMATS[heard["format"]["type"]], "input_audio_transcription": heard["transcription"],
        "input_audio_noise_reduction": None, "turn_detection": heard["turn_detection"],
    }  # fmt: skip
    if sound is None:
        return made
    made["max_response_output_tokens"] = made.pop("max_output_tokens")
    modalities = ["text", "audio"] if shown["output_modalities"] == ["audio"] else ["text"]
    return made | {"modalities": modalities, "voice": sound["voice"], "speed": sound["speed"],
                   "output_audio_format": FORMATS[sound["format"]["type"]], "temperature": 0.8}  # fmt: skip


def _response(shown: Mapping[str, Any]) -> Frame:
    sound = shown["audio"]["output"]
    modalities = ["text", "audio"] if shown["output_modalities"] == ["audio"] else ["text"]
    made: Frame = {key: value for key, value in shown.items() if key not in ("audio", "output_modalities")}
    return made | {"modalities": modalities, "voice": sound["voice"], "temperature": 0.8,
                   "output_audio_format": FORMATS[sound["format"]["type"]],
                   "output": [_item(item) for item in shown["output"]]}  # fmt: skip


def _item(item: Mapping[str, Any]) -> Frame:
    if not isinstance(item.get("content"), list):
        return dict(item)
    parts = [{**part, "type": PARTS.get(part["type"], part["type"])} for part in item["content"]]
    return {**item, "content": parts}
