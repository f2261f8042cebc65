"""Jobs and when they are submitted, read from a TOML, JSON or CSV file (docs/fabric-operate.md)."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.control.core.decisions import refusal
from roundelay.fabric.control.core.events import JobRequest
from roundelay.fabric.topology.deployment import Deployment

SECONDS_PER_DAY = 86_400.0
MAX_JOBS = 10_000
MAX_COUNT, MAX_DAYS = 10**9, 10**7
NEEDED = ("name", "gpus", "tp")
COUNTS = ("gpus", "tp", "min_gpus", "spare_every")
TIMES = ("submitted_days", "duration_days", "max_wait_days")
COLUMNS = ("name", *COUNTS, *TIMES)


@dataclass(frozen=True, slots=True)
class Submission:
    """A job, when it is submitted, and how long it runs on all its GPUs; a `duration_s` of None never ends."""

    job: JobRequest
    at_s: float
    duration_s: float | None


def read(path: Path | str, deployment: Deployment, missing: Sequence[int] = ()) -> list[Submission]:
    """Return the jobs of a file in the order in which they are submitted, all of which the whole fabric could run.

    Raises `BadInput` for a file that is not of the form, a value out of range, two jobs of one name, and a job that
    does not fit the fabric.
    """
    path = Path(path)
    rows = _rows(path)
    if not rows:
        raise BadInput("--jobs", path, "holds no job; give [[job]] tables, a JSON list or CSV lines")
    if len(rows) > MAX_JOBS:
        raise BadInput("--jobs", path, f"holds {len(rows):,} jobs; give at most {MAX_JOBS:,}")
    out: list[Submission] = []
    names: set[str] = set()
    for number, row in enumerate(rows, 1):
        found = _submission(row, f"job {number} of {path.name}")
        if found.job.name in names:
            raise BadInput(f"job {number} of {path.name}", found.job.name, "is named already; give each its own name")
        names.add(found.job.name)
        if (reason := refusal(deployment, found.job, missing)) is not None:
            raise BadInput(f"job {number} of {path.name}", found.job.name, f"can never be placed: {reason}")
        out.append(found)
    return sorted(out, key=lambda each: each.at_s)


def _rows(path: Path) -> list[Mapping[str, Any]]:
    """Return the file's jobs as mappings, by the file's ending."""
    if path.suffix not in (".toml", ".json", ".csv"):
        raise BadInput("--jobs", path, "end it in .toml, .json or .csv")
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets begin a CSV file with a byte order mark
    except OSError as error:
        raise BadInput("--jobs", path, f"cannot be read ({error.strerror}); give a file of jobs") from None
    except UnicodeDecodeError:
        raise BadInput("--jobs", path, "is not text; give a TOML, JSON or CSV file") from None
    if path.suffix == ".csv":
        return _csv_rows(text, path)
    try:
        value = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:  # ValueError: no TOML, no JSON, a number of thousands of digits
        raise BadInput("--jobs", path, f"is not {path.suffix[1:].upper()} ({error}); correct it") from None
    if isinstance(value, dict) and set(value) == {"job"}:
        value = value["job"]
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise BadInput("--jobs", path, "holds no list of jobs; give [[job]] tables, or a JSON list of objects")
    return value


def _csv_rows(text: str, path: Path) -> list[Mapping[str, Any]]:
    """Return the lines below the header; empty cells are values that were not given."""
    rows: list[Mapping[str, Any]] = []
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        header = [str(key).strip() for key in reader.fieldnames or ()]
        if len(header) == 1 and ";" in header[0]:
            raise BadInput(f"line 1 of {path.name}", header[0], "separate the columns by commas")
        if twice := [key for at, key in enumerate(header) if key in header[:at]]:
            raise BadInput(f"column of {path.name}", twice[0], "stands there twice; give it once")
        for row in reader:
            where = f"line {reader.line_num} of {path.name}"
            if None in row or None in row.values():
                raise BadInput(where, row.get("name"), "differs in length from line 1")
            rows.append({key.strip(): _number(key, cell.strip()) for key, cell in row.items() if cell.strip()})
    except csv.Error as error:
        raise BadInput("--jobs", path, f"is not CSV ({error}); correct it") from None
    return rows


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object without its nulls, which are values not given; raises `ValueError` for a repeated key."""
    keys = [key for key, _ in pairs]
    if twice := [key for at, key in enumerate(keys) if key in keys[:at]]:
        raise ValueError(f"key {twice[0]} stands twice in an object")
    return {key: value for key, value in pairs if value is not None}


def _number(key: str, text: str) -> object:
    """Return a CSV cell as the kind of number its column holds; as text where it is none."""
    try:
        return int(text) if key.strip() in COUNTS else float(text) if key.strip() in TIMES else text
    except ValueError:
        return text


def _submission(row: Mapping[str, Any], where: str) -> Submission:
    """Return the job of one row, its values checked."""
    for key in row:
        if key not in COLUMNS:
            near = get_close_matches(key, COLUMNS, n=1)
            raise BadInput(
                f"key of {where}", key, f"did you mean {near[0]}?" if near else f"known are {', '.join(COLUMNS)}"
            )
    for key in NEEDED:
        if key not in row:
            raise BadInput(where, dict(row), f"has no {key}; give {', '.join(NEEDED)}")
    if not isinstance(row["name"], str) or not row["name"].isprintable():
        raise BadInput(f"name of {where}", row["name"], "give text of one line")
    for key in COUNTS:
        value = row.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
            raise BadInput(f"{key} of {where}", _shown(value), f"give a whole number from 0 to {MAX_COUNT:,}")
    for key in TIMES:
        value = row.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DAYS:
            raise BadInput(f"{key} of {where}", _shown(value), f"give days from 0 to {MAX_DAYS:,}")
    wait = row.get("max_wait_days")
    job = JobRequest(
        row["name"],
        row["tp"],
        row["gpus"],
        row.get("min_gpus", 0),
        row.get("spare_every", 0),
        None if wait is None else wait * SECONDS_PER_DAY,
    )
    duration = row.get("duration_days")
    if duration == 0:
        raise BadInput(f"duration_days of {where}", duration, "give more than 0, or leave it out: the job never ends")
    at_s = row.get("submitted_days", 0) * SECONDS_PER_DAY
    return Submission(job, at_s, None if duration is None else duration * SECONDS_PER_DAY)


def _shown(value: object) -> object:
    """Return the value for an error message; a number of very many digits as its order of magnitude."""
    huge = isinstance(value, int) and value.bit_length() > 200
    return f"about 2^{value.bit_length()}" if huge else value  # type: ignore[attr-defined]
