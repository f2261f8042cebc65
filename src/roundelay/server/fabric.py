"""The fabric on the page: the report as it is, and its headline numbers for any fabric the visitor asks for."""

from __future__ import annotations

import asyncio
import threading
from functools import cache

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from roundelay.server.fields import Field, read
from roundelay.server.service import service

# One report's figures take seconds and are the same every time: made once, by whoever asks first.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
FIELDS = (
    Field("gpus", "integer", "GPUs of the fabric.", default=2880, low=64, high=16_384),
    Field("gpus_per_node", "integer", "GPUs of a node.", default=4, low=1, high=8),
    Field("tp", "integer", "GPUs of a tensor-parallel group.", default=32, low=1, high=512),
    Field("fault_percent", "number", "Nodes down, independently, in per cent.", default=3.0, low=0.0, high=20.0),
)
_making = threading.Lock()


@cache
def _report() -> str:
    from roundelay.fabric.report import gather, page
    from roundelay.fabric.study import Study

    return page(gather(Study(), show=False))


def _report_once() -> str:
    with _making:
        return _report()


async def report(request: Request) -> Response:
    """`GET /v1/x/fabric/report`: the page `roundelay fabric report` writes, with the built-in faults."""
    made = await asyncio.to_thread(_report_once)
    return HTMLResponse(made, headers={"content-security-policy": REPORT_POLICY, "cache-control": "max-age=3600"})


async def waste(request: Request) -> Response:
    """`GET /v1/x/fabric?gpus=&gpus_per_node=&tp=&fault_percent=`: waste of each architecture under such faults."""
    given: dict[str, float | int | str] = {}
    for key, text in request.query_params.items():
        try:
            given[key] = float(text) if key == "fault_percent" else int(text)
        except ValueError:
            given[key] = text  # refused by its kind
    values, _ = read(FIELDS, given)
    return JSONResponse(await service(request).engine.call(_waste, **values))


def _waste(gpus: int, gpus_per_node: int, tp: int, fault_percent: float) -> dict[str, object]:
    from roundelay.fabric.study import Study

    study = Study(gpus=gpus, gpus_per_node=gpus_per_node, tp=tp, seeds=5, fault_ratio=fault_percent / 100)
    rows = [row.as_dict() for row in sorted(study.rows(), key=lambda row: row.waste)]
    return {"question": {"gpus": gpus, "gpus_per_node": gpus_per_node, "tp": tp}, "rows": rows}
