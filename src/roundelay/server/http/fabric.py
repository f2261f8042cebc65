"""The page's fabric tab: the report, and the waste of each architecture for a fabric given in the query."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from roundelay.server.http.fields import Field, read
from roundelay.server.service import service_of

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
FIELDS = (
    Field("gpus", "integer", "GPUs of the fabric.", default=2880, low=64, high=16_384),
    Field("gpus_per_node", "integer", "GPUs of a node.", default=4, low=1, high=8),
    Field("tp", "integer", "GPUs of a tensor-parallel group.", default=32, low=1, high=512),
    Field("fault_percent", "number", "Nodes down, independently, in per cent.", default=3.0, low=0.0, high=20.0),
)


async def report(request: Request) -> Response:
    """`GET /fabric/report`: the page `roundelay fabric report` writes, with the built-in faults."""
    made = await service_of(request).calculator.ask("fabric", "report", out=True)
    return HTMLResponse(made, headers={"content-security-policy": REPORT_POLICY, "cache-control": "max-age=3600"})


async def waste(request: Request) -> Response:
    """`GET /v1/x/fabric?gpus=&gpus_per_node=&tp=&fault_percent=`: waste of each architecture under such faults."""
    given: dict[str, float | int | str] = {}
    for key, text in request.query_params.items():
        try:
            given[key] = float(text) if key == "fault_percent" else int(text)
        except ValueError:
            given[key] = text  # `read` refuses it by its type
    values, _ = read(FIELDS, given)
    words = [f"--{key.replace('_', '-')}={values[key]}" for key in ("gpus", "gpus_per_node", "tp")]
    ratio = f"--fault-ratio={values['fault_percent'] / 100:g}"
    made = await service_of(request).calculator.ask("fabric", "waste", *words, ratio, "--seeds=5", "--json")
    rows = sorted(json.loads(made)["rows"], key=lambda row: float(row["waste"]))
    return JSONResponse({"question": values, "rows": rows})
