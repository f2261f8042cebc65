"""`/openapi.json`, made from the field tables by which the endpoints read their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roundelay import __version__
from roundelay.server.audio import encoders
from roundelay.server.http import chat, fabric, fields, speech, transcriptions
from roundelay.server.http.fields import Field
from roundelay.server.http.requests import IGNORED
from roundelay.server.limits import DEFAULT
from roundelay.server.realtime import calls
from roundelay.server.service import service_of

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
IGNORED_WORDS = "The given settings without effect here, by commas; not sent where there are none."
STATUSES = {
    "400": "A value that cannot be used.", "401": "No API key of this server.", "403": "A foreign host or origin.",
    "404": "There is none of this name.", "405": "Another method.", "408": "The body did not come.",
    "413": "Too long.", "429": "Too much at once.", "501": "Not offered.", "502": "The answering model failed.",
    "503": "No model, or the server is stopping.", "504": "It took too long.",
}  # fmt: skip


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": words, "content": content} for status, words in STATUSES.items()}


def _operation(summary: str, media: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = {
        "description": summary,
        "content": media,
        "headers": {IGNORED: {"description": IGNORED_WORDS, "schema": {"type": "string"}}},
    }
    return {"summary": summary, "responses": {"200": answer, **_errors()}, **more}


def _get(summary: str, *parameters: dict[str, Any], **schema: Any) -> dict[str, Any]:
    media = {"application/json": {"schema": schema or {"type": "object"}}}
    return {"get": _operation(summary, media, parameters=list(parameters))}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query(table: Sequence[Field]) -> list[dict[str, Any]]:
    return [{"name": each.name, "in": "query", "description": each.doc, "schema": each.schema()} for each in table]


def _body(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema}}}


def _call() -> dict[str, Any]:
    """The operation of a call: an SDP offer and answer."""
    text: dict[str, Any] = {"type": "string", "maxLength": DEFAULT.offer_bytes}
    form = {"type": "object", "properties": {"sdp": text, "session": {"type": "object"}}, "required": ["sdp"]}
    made = _operation("A conversation by WebRTC: an SDP offer in, an SDP answer out.", {},
                      requestBody=_body(calls.SDP, text))  # fmt: skip
    made["requestBody"]["content"]["multipart/form-data"] = {"schema": form}
    made["responses"]["201"] = {**made["responses"].pop("200"), "content": {calls.SDP: {"schema": {"type": "string"}}}}
    return made


def _beta_session(whose: str) -> dict[str, Any]:
    """The operation that makes a key of the beta: settings in, the same with `client_secret` out."""
    media: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    body = {**_body("application/json", {"type": "object"}), "required": False}
    return _operation(f"{whose} settings, as the beta has them, and a client secret.", media, requestBody=body)


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    form = fields.schema(transcriptions.FIELDS)
    form["properties"]["file"] = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
    form["required"] = ["file"]
    events: dict[str, Any] = {"text/event-stream": {"schema": {"type": "string"}}}
    sound = {
        kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(set(encoders.MEDIA_TYPES.values()))
    }
    json: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    plain: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    ready = _get("Whether the server accepts work.")
    ready["get"]["responses"]["503"] = {"description": "Not now, and why.", "content": json}
    paths: dict[str, Any] = {
        "/v1/audio/speech": {
            "post": _operation("Text to sound, streamed.", {**sound, **events},
                               requestBody=_body("application/json", fields.schema(speech.FIELDS)))},
        "/v1/audio/transcriptions": {
            "post": _operation("A recording to text.", {**json, **plain, **events},
                               requestBody=_body("multipart/form-data", form))},
        "/v1/chat/completions": {
            "post": _operation("The next turn of a conversation, as text or sound.", {**json, **events},
                               requestBody=_body("application/json", fields.schema(chat.FIELDS)))},
        "/v1/models": _get("The models."),
        "/v1/models/{model}": _get("A model.", _path("model")),
        "/v1/audio/voices": _get("The voices and their aliases."),
        "/v1/realtime/calls": {"post": _call()},
        "/v1/realtime/calls/{id}/hangup": {
            "post": _operation("The call ends.", {}, parameters=[_path("id")])},
        "/v1/realtime/client_secrets": {
            "post": _operation("A client secret for one browser, by default for ten minutes.", json,
                               requestBody={**_body("application/json", fields.schema(calls.SECRET_FIELDS)),
                                            "required": False})},
        "/v1/realtime": {"post": _call()},
        "/v1/realtime/sessions": {"post": _beta_session("A conversation's")},
        "/v1/realtime/transcription_sessions": {"post": _beta_session("A transcription's")},
        "/v1/x/controls": _get("The controls that work here."),
        "/v1/x/live": _get("Gauges and totals."),
        "/v1/x/sessions": _get("Recent conversations."),
        "/v1/x/sessions/{id}": _get("The latencies of one conversation.", _path("id")),
        "/v1/x/fabric": _get("Waste of each architecture.", *_query(fabric.FIELDS)),
        "/health": _get("Whether the process runs."),
        "/ready": ready,
        "/metrics": {"get": _operation("Counters for Prometheus.", plain)},
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "Roundelay", "version": __version__, "license": {"name": "Apache-2.0"},
                 "description": "OpenAI-shaped speech; the conversation itself is a WebSocket, /v1/realtime."},
        "paths": paths,
        "components": {"schemas": {"Error": ERROR},
                       "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"key": []}],
    }  # fmt: skip


async def openapi(request: Request) -> Response:
    """`GET /openapi.json`; behind a prefix, with the address of the server."""
    prefix = service_of(request).root_path
    return JSONResponse({**document(), "servers": [{"url": prefix}]} if prefix else document())
