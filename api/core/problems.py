"""Everything that is not an answer: RFC 9457 problems with a stable code and plain words.

``code`` is for machines and never changes; ``detail`` is for people; ``field`` names the part of
the request. ``instance`` names the request, for asking us; it is left out of 404 answers, which
must be equal for what does not exist and what belongs to another caller (S4).
"""

import copy
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field, WithJsonSchema
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import Scope
from temporalio.service import RPCError, RPCStatusCode

from api.core.filters import CURSOR, EVENT_PLACE, EVENT_TYPES, ORDER_PLACE, SOME_EVENT_TYPES
from models.bookings.problems import Code
from models.core.addresses import URL
from models.core.database import DATABASE_AWAY
from models.core.text import FORMS

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


Own = Literal[
    "ACCOUNT_BLOCKED",
    "ADDRESS_REFUSED",
    "ALREADY_RESOLVED",
    "AMOUNT_MISMATCH",
    "AMOUNT_NOT_PAYABLE",
    "API_KEY_REFUSED",
    "BAD_REQUEST",
    "BELOW_SOLD",
    "BODY_TOO_LARGE",
    "BODY_TOO_SLOW",
    "BOOKING_UNKNOWN",
    "CARD_IN_USE",
    "CARD_NUMBER_REFUSED",
    "CASE_UNKNOWN",
    "CHANGE_UNDER_WAY",
    "CODE_REFUSED",
    "COMPONENT_REPEATED",
    "COMPONENT_UNKNOWN",
    "CONTACT_IN_USE",
    "CONTRADICTORY_REQUEST",
    "CSRF_REFUSED",
    "CURRENCY_MISMATCH",
    "CURSOR_INVALID",
    "DATABASE_UNAVAILABLE",
    "DAY_UNKNOWN",
    "DEAD_LETTER_UNKNOWN",
    "DECIDE_AT_BOOKING",
    "DUPLICATE_RESERVATION",
    "ENCODED_BODY",
    "EVENTS_GONE",
    "EVENT_UNKNOWN",
    "FEE_CHANGED",
    "FIELD_FIXED",
    "FILTER_NOT_SUPPORTED",
    "GUESTS_DO_NOT_FIT",
    "HEAD_TOO_SLOW",
    "IDEMPOTENCY_KEY_INVALID",
    "IDEMPOTENCY_KEY_IN_PROGRESS",
    "IDEMPOTENCY_KEY_MISSING",
    "IDEMPOTENCY_KEY_REUSED",
    "IDENTITY_LOCKED",
    "INTERNAL",
    "INVALID_REQUEST",
    "LISTING_INCOMPLETE",
    "MALFORMED_JSON",
    "METHOD_NOT_ALLOWED",
    "NOTHING_TO_REFUND",
    "NOTHING_TO_RESOLVE",
    "NOT_AN_EVENT",
    "NOT_CANCELLABLE",
    "NOT_CHANGEABLE",
    "NOT_ENDED",
    "NOT_FOUND",
    "NOT_JSON",
    "NOT_ON_SALE",
    "NOT_REACHED",
    "NOT_RECORDED_YET",
    "NO_CARD_WANTED",
    "OFFER_INCOMPLETE",
    "OFFER_REFUSED",
    "OFFER_UNKNOWN",
    "OPERATORS_ONLY",
    "OTHER_MODE",
    "OVERLOADED",
    "OWNERS_ONLY",
    "PAYMENT_METHOD_MISSING",
    "PLANNER_UNAVAILABLE",
    "POSITION_UNKNOWN",
    "PRICE_NOT_PAYABLE",
    "PRODUCT_UNKNOWN",
    "QUOTE_EXPIRED",
    "QUOTE_REFUSED",
    "QUOTE_TAKEN",
    "QUOTE_UNKNOWN",
    "PROVIDER_NOT_APPROVED",
    "PROVIDER_UNKNOWN",
    "RATE_LIMITED",
    "RULE_REFUSED",
    "SCOPE_MISSING",
    "SECOND_FACTOR_ENROLLED",
    "SECOND_FACTOR_REFUSED",
    "SECOND_FACTOR_REQUIRED",
    "SESSION_REFUSED",
    "SESSION_UNKNOWN",
    "SIGNATURE_EXPIRED",
    "SIGNATURE_REFUSED",
    "SIGN_IN_AGAIN",
    "SLOT_REFUSED",
    "SLOT_UNAVAILABLE",
    "SOLD_OUT",
    "STATE_CONFLICT",
    "STEPS_MISSING",
    "TEMPORAL_UNAVAILABLE",
    "TIMED_OUT",
    "TIME_DOES_NOT_EXIST",
    "TOO_MANY_HOLDS",
    "TOO_MANY_READS",
    "TOO_MANY_STREAMS",
    "TOO_MANY_WEBHOOK_ENDPOINTS",
    "TRAVELERS_MISSING",
    "TRIP_NOT_ALLOWED",
    "TRIP_OPTION_UNBOOKABLE",
    "TRIP_OPTION_UNKNOWN",
    "VENUES_UNAVAILABLE",
    "VENUE_TIME_ZONE_UNKNOWN",
    "VENUE_UNKNOWN",
    "VERSION_CONFLICT",
    "VERSION_REQUIRED",
    "WEBHOOK_DELIVERY_UNKNOWN",
    "WEBHOOK_ENDPOINT_EXISTS",
    "WEBHOOK_ENDPOINT_NOT_ACTIVE",
    "WEBHOOK_ENDPOINT_UNKNOWN",
    "WEBHOOK_SECRET_ROTATED",
    "WEBHOOK_URL_REFUSED",
]
ProblemCode = Own | Code
"""A request about a booking is refused for any reason a booking may fail for."""
CODES: Final = sorted({*get_args(Own), *Code})
PLAIN: Final = frozenset({"/api/bookings"})
"""Paths whose errors are words alone, ``{"error": "…"}``: who reads them expects that (contracts.md
§5)."""
PAGE: Final = "/problems"
"""Where the API serves ``problems.md``: what each code means, with a section named by it."""


class FieldError(BaseModel):
    """One field that was not accepted."""

    field: str
    detail: str


class ProblemDocument(BaseModel):
    """An RFC 9457 problem."""

    type: str = Field(
        json_schema_extra={"format": "uri-reference"},
        description="Where this kind of problem is explained: what it means for the money, and"
        " what to do next. Relative to the address of the API.",
    )
    title: str
    status: int
    code: Annotated[ProblemCode, WithJsonSchema({"type": "string", "enum": CODES})] = Field(
        description="Stable; for machines."
    )
    detail: str = Field(description="Plain words; for people.")
    field: str | None = Field(default=None, description="The part of the request it is about.")
    errors: list[FieldError] | None = None
    instance: str | None = Field(default=None, description="Names the request, for asking us.")
    details: dict[str, Any] | None = None


class PlainError(BaseModel):
    """A problem in words alone, of :data:`PLAIN` paths."""

    error: str = Field(description="Plain words; for people.")


class ApiProblem(HTTPException):
    """A request that is answered with a problem.

    ``details`` are further facts for machines, e.g. ``{"expected": 200000, "given": 1}``.
    """

    def __init__(
        self,
        status: int,
        code: ProblemCode,
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


def unavailable(
    code: ProblemCode, detail: str, *, headers: Mapping[str, str] | None = None
) -> ApiProblem:
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


def unknown_parameter(known: Collection[str]) -> str:
    """Return what whoever sent a parameter that a route does not know is told: those it knows."""
    named = f"only {', '.join(sorted(known))}" if known else "none"
    return f"The query has a parameter that is not known here: {named} can be given."


def is_temporal_away(error: Exception) -> bool:
    """Tell whether ``error`` says that Temporal cannot be reached.

    The SDK raises a plain RuntimeError when a lazy client cannot connect.
    """
    if isinstance(error, RPCError):
        return error.status in TEMPORAL_AWAY
    return isinstance(error, RuntimeError) and "connect" in str(error).lower()


SNAKE_CASE: Final = ("/api/v1/", "/market/v1/")
"""Where the JSON of routes is written in snake_case, what problems name is as well."""
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda found: f"_{found[1].lower()}", name)


def in_snake_case(problem: ApiProblem) -> ApiProblem:
    """Return a problem with our own names as the routes under ``SNAKE_CASE`` write them.

    Fields that were found wrong in the request are named as it has them.
    """
    renamed = copy.copy(problem)
    if problem.field is not None and problem.errors is None:
        renamed.field = _snake(problem.field)
    if problem.details is not None:
        renamed.details = {_snake(name): value for name, value in problem.details.items()}
    return renamed


def document(problem: ApiProblem, request_id: str) -> dict[str, Any]:
    """Return the problem as JSON."""
    return ProblemDocument(
        type=f"{PAGE}#{problem.code}",
        title=HTTPStatus(problem.status_code).phrase,
        status=problem.status_code,
        code=problem.code,
        detail=problem.detail,
        field=problem.field,
        errors=list(problem.errors) if problem.errors else None,
        instance=None if problem.status_code == 404 else f"urn:request:{request_id}",
        details=dict(problem.details) if problem.details else None,
    ).model_dump(mode="json", exclude_none=True)


def response(problem: ApiProblem, scope: Scope) -> Response:
    """Return the problem as the HTTP answer to a request."""
    if scope["path"] in PLAIN:
        told = PlainError(error=problem.detail).model_dump()
        return JSONResponse(told, status_code=problem.status_code, headers=problem.headers)
    if scope["path"].startswith(SNAKE_CASE):
        problem = in_snake_case(problem)
    return JSONResponse(
        document(problem, scope["state"]["request_id"]),
        status_code=problem.status_code,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


_Answered = tuple[ProblemCode, str]
NOTHING_HERE: Final[_Answered] = ("NOT_FOUND", "There is nothing here.")
_ROUTING: Final[dict[int, _Answered]] = {
    404: NOTHING_HERE,
    405: ("METHOD_NOT_ALLOWED", ""),
}

_PLACE: Final = "must be `next` of the page before"
_URL: Final = "must be a URL such as https://example.com/hooks"
_FORMS: Final[Mapping[str, str]] = {
    **FORMS,
    URL: _URL,
    CURSOR: _PLACE,
    ORDER_PLACE: _PLACE,
    EVENT_PLACE: f"{_PLACE}, or latest",
    SOME_EVENT_TYPES: f"must be types of events, separated by commas: {', '.join(EVENT_TYPES)}",
}

_DAY: Final = "must be a date such as 2031-03-01"
_MOMENT: Final = "must be a date and time with its zone, such as 2031-03-01T09:00:00Z"
_FLAG: Final = "must be true or false"
_NUMBER: Final = "must be a whole number"
_ID: Final = "must be an id such as 9c1f5d0e-6a1b-4c59-9d5e-0c9d4e7f2a10"
_OBJECT: Final = "must be an object"

WORDS: Final[Mapping[str, str]] = {
    "bool_parsing": _FLAG,
    "bool_type": _FLAG,
    "date_from_datetime_inexact": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_parsing": _DAY,
    "date_type": _DAY,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_type": _MOMENT,
    "dict_type": _OBJECT,
    "enum": "must be {expected}",
    "extra_forbidden": "is not a known field",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": _NUMBER,
    "int_parsing": _NUMBER,
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_attributes_type": _OBJECT,
    "model_type": _OBJECT,
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be text",
    "string_unicode": "must not hold lone surrogates",
    "timezone_aware": _MOMENT,
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "union_tag_not_found": "must name what it is about",
    "uuid_parsing": _ID,
    "uuid_type": _ID,
}
"""What a field has to be, by pydantic's type of the error and with its context."""


def _field(location: Sequence[int | str]) -> str:
    path = ""
    for part in location[1:] or location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path[:200]


def plain(error: Mapping[str, Any]) -> str:
    """Return in plain words what is wrong with a field: no library's, and never the value."""
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _FORMS.get(context["pattern"], "does not have the expected form")
    if kind == "value_error":  # raised by our own models
        return str(context["error"])
    if context.get("min_length") == 1:
        return "must not be empty"
    words = WORDS.get(kind, "does not have the expected form")
    return words.format_map({name: str(value).replace("'", "") for name, value in context.items()})


def from_validation(error: RequestValidationError) -> ApiProblem:
    """Return the 422 for a body or parameter of the wrong shape; values are never echoed."""
    errors = [
        FieldError(field=_field(found["loc"]), detail=plain(found)) for found in error.errors()
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
    other: _Answered = ("BAD_REQUEST" if error.status_code < 500 else "INTERNAL", "")
    code, detail = _ROUTING.get(error.status_code, other)
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
    """Return every method of the path; the router names those of the first route it found.

    A path that is written out is no other's: ``/booking/book`` is not the booking "book".
    """
    routes = [
        context.original_route
        for context in iter_route_contexts(request.app.routes)
        if context.original_route.matches(request.scope)[0] is not Match.NONE
    ]
    exact = [route for route in routes if getattr(route, "path", "") == request.url.path]
    methods = {
        method for route in exact or routes for method in getattr(route, "methods", None) or ()
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
        return response(problem, request.scope)

    for kind in (HTTPException, RequestValidationError, *DATABASE_AWAY, RPCError):
        app.add_exception_handler(kind, handle)
