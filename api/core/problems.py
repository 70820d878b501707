"""Everything that is not an answer: RFC 9457 problems with a stable code and plain words.

``code`` is for machines and never changes; ``detail`` is for people; ``field`` names the part of
the request. ``instance`` names the request, for asking us; it is left out of 404 answers, which
must be equal for what does not exist and what belongs to another caller (S4).
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from temporalio.service import RPCError, RPCStatusCode

from models.core.database import DATABASE_AWAY

_log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2
MEDIA_TYPE = "application/problem+json"

TEMPORAL_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
)
"""Answers of Temporal that say nothing about the request but that it was not served."""


class FieldError(BaseModel):
    """One field that was not accepted."""

    field: str
    detail: str


class ProblemDocument(BaseModel):
    """An RFC 9457 problem."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="Stable; for machines.")
    detail: str = Field(description="Plain words; for people.")
    field: str | None = Field(default=None, description="The part of the request it is about.")
    errors: list[FieldError] | None = None
    instance: str | None = Field(default=None, description="Names the request, for asking us.")
    details: dict[str, Any] | None = None


class ApiProblem(HTTPException):
    """A request that is answered with a problem.

    ``details`` are further facts for machines, e.g. ``{"expected": 200000, "given": 1}``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        errors: Sequence[FieldError] | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.code = code
        self.field = field
        self.errors = errors
        self.details = details


def unavailable(code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> ApiProblem:
    """Return the 503 that asks to try again."""
    return ApiProblem(
        503, code, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS), **(headers or {})}
    )


def database_away() -> ApiProblem:
    """Return the 503 for a database that does not answer."""
    return unavailable(
        "DATABASE_UNAVAILABLE", "Bookings cannot be read right now. Please try again shortly."
    )


def temporal_away(*, headers: Mapping[str, str] | None = None) -> ApiProblem:
    """Return the 503 for a Temporal server that does not answer."""
    return unavailable(
        "TEMPORAL_UNAVAILABLE",
        "Bookings cannot be processed right now. Please try again shortly, with the same"
        " Idempotency-Key.",
        headers=headers,
    )


def is_temporal_away(error: Exception) -> bool:
    """Tell whether ``error`` says that Temporal cannot be reached.

    The SDK raises a plain RuntimeError when a lazy client cannot connect.
    """
    if isinstance(error, RPCError):
        return error.status in TEMPORAL_AWAY
    return isinstance(error, RuntimeError) and "connect" in str(error).lower()


def document(problem: ApiProblem, request_id: str) -> dict[str, Any]:
    """Return the problem as JSON."""
    return ProblemDocument(
        title=HTTPStatus(problem.status_code).phrase,
        status=problem.status_code,
        code=problem.code,
        detail=problem.detail,
        field=problem.field,
        errors=list(problem.errors) if problem.errors else None,
        instance=None if problem.status_code == 404 else f"urn:request:{request_id}",
        details=dict(problem.details) if problem.details else None,
    ).model_dump(mode="json", exclude_none=True)


def response(problem: ApiProblem, request_id: str) -> Response:
    """Return the problem as an HTTP answer."""
    return JSONResponse(
        document(problem, request_id),
        status_code=problem.status_code,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


NOTHING_HERE = ("NOT_FOUND", "There is nothing here.")
_ROUTING = {404: NOTHING_HERE, 405: ("METHOD_NOT_ALLOWED", "")}

_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "string_type": "must be text",
    "string_pattern_mismatch": "does not have the expected form",
    "int_type": "must be a whole number (amounts are in minor units)",
    "date_from_datetime_parsing": "must be a date such as 1990-04-30",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
}


def _field(location: Sequence[int | str]) -> str:
    path = ""
    for part in location[1:] or location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path[:200]


def _plain(error: Mapping[str, Any]) -> str:
    known = _PLAIN.get(str(error["type"]))
    if known:
        return known
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def from_validation(error: RequestValidationError) -> ApiProblem:
    """Return the 422 for a body or parameter of the wrong shape; values are never echoed."""
    errors = [
        FieldError(field=_field(found["loc"]), detail=_plain(found)) for found in error.errors()
    ][:20]
    return ApiProblem(
        422,
        "INVALID_REQUEST",
        "; ".join(f"{found.field} {found.detail}" for found in errors[:3]) + ".",
        field=errors[0].field,
        errors=errors,
    )


def from_http(error: HTTPException) -> ApiProblem:
    """Return the problem for what routing refuses."""
    code, detail = _ROUTING.get(error.status_code, (HTTPStatus(error.status_code).name, ""))
    return ApiProblem(
        error.status_code,
        code,
        detail or HTTPStatus(error.status_code).description or str(error.detail),
        headers=error.headers,
    )


def translate(error: Exception) -> ApiProblem:
    """Return the problem an exception means; unexpected ones are a bare 500."""
    if isinstance(error, ApiProblem):
        return error
    if isinstance(error, RequestValidationError):
        return from_validation(error)
    if isinstance(error, HTTPException):
        return from_http(error)
    if isinstance(error, DATABASE_AWAY):
        return database_away()
    if is_temporal_away(error):
        return temporal_away()
    return ApiProblem(
        500,
        "INTERNAL",
        "Something went wrong on our side. Please ask us, naming the request.",
    )


def _methods(request: Request) -> list[str]:
    """Return every method of the path; the router names those of the first route it found."""
    routes = (context.original_route for context in iter_route_contexts(request.app.routes))
    methods = {
        method
        for route in routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in getattr(route, "methods", None) or ()
    }
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def install(app: FastAPI) -> None:
    """Make ``app`` answer every expected failure with a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        problem = translate(error)
        if problem.status_code == 405:
            problem.headers = {"Allow": ", ".join(_methods(request))}
        if problem.status_code == 500:
            raise error  # api.edge logs it and answers
        if problem.status_code == 503 and not isinstance(error, HTTPException):
            _log.warning(
                problem.code, exc_info=error, extra={"request_id": request.state.request_id}
            )
        return response(problem, request.state.request_id)

    for kind in (HTTPException, RequestValidationError, *DATABASE_AWAY, RPCError):
        app.add_exception_handler(kind, handle)
