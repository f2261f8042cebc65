"""Errors of a request, in OpenAI's shape: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from typing import Any

from roundelay.errors import RoundelayError

INVALID, AUTH, LIMIT, SERVER = "invalid_request_error", "authentication_error", "rate_limit_error", "server_error"


class ApiError(RoundelayError):
    """An error with an HTTP status, a type and code for programs, and a sentence for people."""

    def __init__(
        self, status: int, code: str, message: str, *, param: str | None = None, kind: str | None = None
    ) -> None:
        self.status, self.code, self.param = status, code, param
        self.kind = kind or (SERVER if status >= 500 else LIMIT if status == 429 else INVALID)
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        """The JSON body of the error."""
        return {"error": {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}}


def wrong(param: str, message: str, code: str = "invalid_value") -> ApiError:
    """A 400 error about one parameter."""
    return ApiError(400, code, message, param=param)


def unsupported(param: str, message: str) -> ApiError:
    """A 400 error about a control that this server lacks; better than a setting that is silently ignored."""
    return wrong(param, message, "unsupported_parameter")
