"""`POST /v1/realtime/calls` (SDP offer to SDP answer), its hangup, and client secrets for browsers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roundelay.errors import MissingPackage
from roundelay.server.errors import ApiError, wrong
from roundelay.server.http.fields import Field
from roundelay.server.http.requests import ignored_header, json_fields, json_object
from roundelay.server.realtime import beta
from roundelay.server.realtime.connection import admit
from roundelay.server.realtime.frames import new_id
from roundelay.server.realtime.settings import Settings, table
from roundelay.server.service import SECRET_S, Service, client_of, key_of, service_of

SDP = "application/sdp"
SECRET_FIELDS = (
    Field("session", "object", "Settings of the sessions opened with the secret, as in session.update."),
    Field("expires_after", "object", 'The lifetime of the secret: {"anchor": "created_at", "seconds": 10 to 7200}.'),
)
SECONDS = Field("expires_after.seconds", "integer", "", default=SECRET_S, low=10, high=7200)  # OpenAI's limits


async def calls(request: Request) -> Response:
    """Begin a call: 201, the SDP answer, and the call's address in Location."""
    service = service_of(request)
    try:
        from roundelay.server.realtime import webrtc
    except MissingPackage as error:
        raise ApiError(501, "package_missing", str(error)) from None
    offer, session = await _offer(request, service)
    settings: Settings = service.settings_of(key_of(request)) or Settings()
    asked = request.query_params.get("model") or (session or {}).get("model") or settings.model
    model, old = service.names.model(asked), request.url.path.rstrip("/").endswith("/realtime")  # the beta's address
    await service.engines.loaded(model)
    webrtc.check_offer(offer)
    settings = replace(settings, model=model, voices=service.engines.voices(model), names=service.names,
                       beta=settings.beta or old or beta.is_spoken_by(request))  # fmt: skip
    if session is not None:
        settings = settings.with_update(session)
    admit(service, model, client := client_of(request))
    name, answer = await webrtc.answer(service, offer, settings, client)
    where = f"{service.root_path}/v1/realtime/calls/{name.replace('sess_', 'rtc_')}"
    return Response(answer, 201, {"location": where}, media_type=SDP)


async def hang_up(request: Request) -> Response:
    """`POST /v1/realtime/calls/{id}/hangup`: end the call at once."""
    name: str = request.path_params["id"]
    connection = service_of(request).sessions.get(name.replace("rtc_", "sess_", 1)) if name.startswith("rtc_") else None
    if connection is None or connection.bridge.output_buffer is None:
        raise ApiError(404, "call_not_found", f"there is no call {name[:60]}", param="id")
    connection.hang_up()
    return Response(status_code=200)


async def client_secret(request: Request) -> Response:
    """`POST /v1/realtime/client_secrets`: a short-lived key for a browser, with the settings of its sessions."""
    values: dict[str, Any] = {"session": None, "expires_after": None}
    ignored: list[str] = []
    if await request.body():
        values, ignored = await json_fields(request, SECRET_FIELDS)
    after = values["expires_after"] or {}
    if after.get("anchor", "created_at") != "created_at":
        raise wrong("expires_after.anchor", "expires_after.anchor must be created_at")
    seconds = SECONDS.check(after.get("seconds", SECRET_S))
    settings = _settings(service_of(request), values["session"] or {})
    secret, expires = service_of(request).new_secret(settings, seconds)
    shown = settings.as_dict("", expires)
    headers = ignored_header([*ignored, *settings.ignored])
    return JSONResponse({"value": secret, "expires_at": expires, "session": shown}, headers=headers)


def _settings(service: Service, session: Mapping[str, Any], **more: Any) -> Settings:
    """The settings of sessions to come. Raises `ApiError` 400."""
    model = service.names.model(session.get("model"))
    own = Settings(model=model, voices=service.engines.voices(model), names=service.names, **more)
    return own.with_update(session)


async def beta_session(request: Request) -> Response:
    """`POST /v1/realtime/sessions` and `…/transcription_sessions`: the beta's session, with a short-lived key in it.

    Sessions that are opened with the key speak the beta.
    """
    kind = "transcription" if "transcription" in request.url.path else "realtime"
    given = await json_object(request) if await request.body() else {}
    settings = _settings(service_of(request), {**given, "type": kind}, beta=True)
    secret, expires = service_of(request).new_secret(settings)
    shown = beta.flat_session(settings.as_dict(new_id("sess"), expires))
    body = {**shown, "client_secret": {"value": secret, "expires_at": expires}}
    return JSONResponse(body, headers=ignored_header(settings.ignored))


async def _offer(request: Request, service: Service) -> tuple[str, Any]:
    """The SDP, and the session's settings if the form has any. Raises `ApiError` 400, 413."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if int(request.headers.get("content-length") or 0) > service.limits.offer_bytes:
        raise _too_long(service)
    if kind == SDP:
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > service.limits.offer_bytes:
                raise _too_long(service)
        return _text(bytes(data)), None
    if kind != "multipart/form-data":
        raise ApiError(400, "invalid_content_type", f"send the offer as {SDP}, or as multipart/form-data with sdp")
    try:
        async with request.form(max_files=2, max_fields=8, max_part_size=service.limits.offer_bytes) as form:
            parts = {key: value if isinstance(value, str) else _text(await value.read(service.limits.offer_bytes + 1))
                     for key, value in form.multi_items()}  # fmt: skip
    except HTTPException as error:
        raise ApiError(400, "invalid_form", f"the form cannot be read: {error.detail}"[:200]) from None
    if sum(map(len, parts.values())) > service.limits.offer_bytes:
        raise _too_long(service)
    if "sdp" not in parts:
        raise wrong("sdp", "sdp is missing: send the offer", "missing_required_parameter")
    try:
        session = table(json.loads(parts["session"]), "session") if "session" in parts else None
    except (ValueError, RecursionError):
        raise wrong("session", "session must be a JSON object", "invalid_json") from None
    return parts["sdp"], session


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise wrong("sdp", "the offer is not UTF-8 text", "invalid_offer") from None


def _too_long(service: Service) -> ApiError:
    message = f"an offer has at most {service.limits.offer_bytes:,} bytes"
    return ApiError(413, "request_too_large", message, param="sdp")
