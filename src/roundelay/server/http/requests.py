"""Reading a request: its JSON fields, base64 data and recordings; the header that names ignored controls."""

from __future__ import annotations

import base64
import binascii
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from starlette.requests import Request

from roundelay.errors import BadInput
from roundelay.server.errors import ApiError, wrong
from roundelay.server.http.fields import Field, read
from roundelay.server.service import service_of
from roundelay.voice.audio_file import FILE, AudioFile

IGNORED = "x-roundelay-ignored"  # names the given controls that have no effect here


async def json_fields(request: Request, fields: Sequence[Field]) -> tuple[dict[str, Any], list[str]]:
    """The valid fields of a JSON body, and the names of given ones without effect. Raises `ApiError` 400."""
    data = await request.body()
    try:
        return read(fields, json.loads(data), service_of(request).names.strict)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "invalid_json", f"the body is not JSON ({str(error)[:80]})") from None


async def json_object(request: Request) -> dict[str, Any]:
    """The object that a JSON body is. Raises `ApiError` 400."""
    try:
        made = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "invalid_json", f"the body is not JSON ({str(error)[:80]})") from None
    if not isinstance(made, dict):
        raise ApiError(400, "invalid_json", "the body must be a JSON object")
    return made


def ignored_header(ignored: Sequence[str]) -> dict[str, str]:
    """The header that names the ignored controls, if any; names that are not printable ASCII are left out."""
    names = [name for name in dict.fromkeys(ignored) if name.isascii() and name.isprintable()]
    return {IGNORED: ", ".join(names)[:1000]} if names else {}


def bytes_of(text: Any, param: str) -> bytes:
    """The bytes of strict base64 text. Raises `ApiError` 400."""
    if not isinstance(text, str):
        raise wrong(param, f"{param} must be base64 text", "invalid_type")
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise wrong(param, f"{param} is not base64 ({str(error)[:60]})", "invalid_base64") from None


@contextmanager
def recording(data: bytes, name: str, longest_s: float, param: str = "file") -> Iterator[AudioFile]:
    """Yield the audio of an uploaded file. Raises `ApiError` 400 for an unreadable file, 413 for a long one.

    No more is decoded than is needed to know that it is too long: a small FLAC may hold hours.
    """
    suffix = PurePath(name).suffix.lower()
    suffix = suffix if suffix[1:].isalnum() and len(suffix) <= 6 else ".bin"
    with tempfile.TemporaryDirectory(prefix="roundelay-") as folder:
        path = Path(folder) / f"upload{suffix}"
        path.write_bytes(data)
        try:
            file = AudioFile.open(path, whole=True).measured(longest_s)  # whole: a client does not see the log
            if file is None:
                message = f"the recording lasts longer than the {longest_s:.0f} s that are taken"
                raise ApiError(413, "audio_too_long", message, param=param)
            yield file
        except BadInput as error:
            if error.what != FILE:
                raise
            message = str(error).replace(str(path), repr(name[:60])).replace(f"{folder}/", "")
            raise wrong(param, message, "invalid_audio") from None
