"""The description of the API: it names every route, and requests made from it never give a 500."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, settings
from server_case import FakeEngine, FakeWorker
from starlette.routing import Route

from roundelay.server.app import build, routes
from roundelay.server.engine import Engines
from roundelay.server.openapi import document
from roundelay.server.service import Service

HIDDEN = {"/openapi.json", "/fabric/report"}  # itself, and a page for people


def test_every_route_is_described() -> None:
    described = {(path, method) for path, entry in document()["paths"].items() for method in entry}
    served = {
        (route.path.replace(":path}", "}"), method.lower())
        for route in routes()
        if isinstance(route, Route) and route.path not in HIDDEN
        for method in (route.methods or ()) - {"HEAD"}
    }
    assert described <= served and {path for path, _ in served} - {path for path, _ in described} == {
        "/v1/audio/voices/{voice}"  # only refuses
    }


schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (extra dev)")


@schemathesis.serializer("application/sdp")
def _sdp(context: object, value: object) -> bytes:
    return str(value).encode(errors="replace")


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


class Remembering:
    """A calculator that does not calculate: what a child process does has its own tests."""

    async def ask(self, *words: str, out: bool = False) -> str:
        return '{"rows": []}'


SERVICE = Service(
    Engines(lambda name: FakeEngine().pipeline), hosts=(), create_worker=FakeWorker, calculator=Remembering()
)
APP = build(SERVICE)
APP.router.lifespan_context = lambda app: _nothing()  # every call would begin and end the server's life
SERVICE.engines.start()
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)


@schema.parametrize()
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_made_from_the_description_gives_a_500(case) -> None:
    response = case.call()
    assert response.status_code != 500, response.text
    if response.status_code >= 400 and case.path != "/ready":
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
