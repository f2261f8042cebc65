"""What the server has and how it does: models, voices, controls, sessions, health, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from roundelay.server import names
from roundelay.server.audio import encoders
from roundelay.server.engine import MODEL
from roundelay.server.errors import ApiError
from roundelay.server.names import Names
from roundelay.server.service import Service, service_of
from roundelay.voice.style import MAX_SPEED, MIN_SPEED


async def models(request: Request) -> Response:
    """`GET /v1/models`: the default engine under its alias, and every engine that can be loaded without settings."""
    data = [_model(service_of(request), name) for name in names.models()]
    return JSONResponse({"object": "list", "data": data})


async def model(request: Request) -> Response:
    """`GET /v1/models/{model}`: a model, or 404."""
    return JSONResponse(_model(service_of(request), Names(strict=True).model(request.path_params["model"])))


def _model(service: Service, name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": int(service.started), "owned_by": "roundelay"}


async def voices(request: Request) -> Response:
    """`GET /v1/audio/voices`: the default engine's voices, its default first, and OpenAI's names as aliases."""
    made = int(service_of(request).started)

    def entry(name: str, means: str | None = None) -> dict[str, Any]:
        out = {"id": name, "object": "audio.voice", "name": name, "created_at": made, "type": "audio_sample"}
        return {**out, "alias_of": means} if means else out

    known = _voices(service_of(request))
    data = [entry(name) for name in known]
    data += [entry(name, means) for name, means in names.aliases(known).items()]
    listed = [{"id": each["id"], "name": each["name"]} for each in data]  # where other servers' clients look for them
    return JSONResponse({"object": "list", "data": data, "has_more": False, "voices": listed})


def _voices(service: Service) -> Sequence[str]:
    found = service.engines.voices()
    return names.built_in() if found is None else found


async def no_new_voices(request: Request) -> Response:
    """Error 501: a cloned voice needs its owner's consent, so none is made over the network."""
    raise ApiError(501, "unsupported_operation", "voices are made with `roundelay voice`, not over the network")


async def controls(request: Request) -> Response:
    """`GET /v1/x/controls`: the controls that work here, so that a client need not find out by errors."""
    service = service_of(request)
    pipeline = service.engines.pipeline() if service.engines.state == "ready" else None
    return JSONResponse(
        {
            "model": MODEL,
            "hears": pipeline.transcriber.name if pipeline else None,
            "speaks": pipeline.synthesizer.name if pipeline else None,
            "answering": service.answering,
            "languages": ["en"],
            "voices": len(_voices(service)),
            "speed": [MIN_SPEED, MAX_SPEED],
            "styles": [],
            "response_formats": list(encoders.MEDIA_TYPES),
            "realtime": {
                "formats": ["audio/pcm", "audio/pcmu", "audio/pcma"],
                "turn_detection": ["server_vad", "semantic_vad", None],
                "modalities": ["audio", "text"],
            },
            "limits": {
                "sessions": service.engines.sessions,
                **{
                    name: getattr(service.limits, name)
                    for name in ("body_bytes", "input_characters", "audio_s", "session_s", "frame_bytes")
                },
            },
        }
    )


async def traces(request: Request) -> Response:
    """`GET /v1/x/sessions`: the live conversations, and those that ended lately."""
    service = service_of(request)
    live = [{"id": name, "live": True} for name in service.sessions]
    ended = [{"id": name, "live": False} for name in service.traces if name not in service.sessions]
    return JSONResponse({"object": "list", "data": live + ended})


async def trace(request: Request) -> Response:
    """`GET /v1/x/sessions/{id}`: the turns of a conversation, with the latency of each stage."""
    service, name = service_of(request), request.path_params["id"]
    found = service.traces.get(name)
    if found is None:
        raise ApiError(404, "session_not_found", f"session {name[:60]} is unknown or long gone", param="id")
    drafts = {"made": found.made, "committed": found.begun}
    return JSONResponse({"id": name, "live": name in service.sessions, "drafts": drafts, "turns": list(found)})


async def health(request: Request) -> Response:
    """`GET /health`: 200 while the process runs."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """`GET /ready`: 200 if the server accepts work, 503 with the reason if not."""
    service = service_of(request)
    fine = service.engines.state == "ready" and not service.draining
    reason = "the server is stopping" if service.draining else service.engines.reason
    body = {"ready": fine, "model": service.engines.state, "reason": reason or None}
    return JSONResponse(body, 200 if fine else 503)


async def metrics(request: Request) -> Response:
    """`GET /metrics`: counters for Prometheus."""
    return PlainTextResponse(service_of(request).metrics.text(), media_type="text/plain; version=0.0.4")


async def live_metrics(request: Request) -> Response:
    """`GET /v1/x/live`: the gauges and totals as JSON, for the page."""
    return JSONResponse(service_of(request).metrics.read())
