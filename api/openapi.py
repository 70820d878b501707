"""The published description: OpenAPI 3.1 with an example for every answer (S26)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.core.idempotency import HEADER
from api.core.problems import MEDIA_TYPE, PAGE, PlainError, ProblemDocument, unknown_parameter
from api.core.stored_answers import REPLAYED
from api.core.strict_json import MAX_NUMBER
from models.core.text import ANY_LINE, ANY_LINES

_NAMED = "example:"
_REF = {"$ref": "#/components/schemas/Problem"}

EXAMPLES: dict[int, tuple[str, str, str | None]] = {
    400: ("BAD_REQUEST", "There must be only one X-API-Key header.", "X-API-Key"),
    401: ("API_KEY_REFUSED", "A valid API key is needed in the header X-API-Key.", None),
    403: ("OPERATORS_ONLY", "Only operators may do this.", None),
    404: ("BOOKING_UNKNOWN", "There is no booking with this id.", None),
    405: ("METHOD_NOT_ALLOWED", "Specified method is invalid for this resource.", None),
    408: ("BODY_TOO_SLOW", "The body took too long to arrive.", None),
    409: (
        "NOT_CANCELLABLE",
        "This booking failed: everything was undone and there is nothing to cancel.",
        "bookingId",
    ),
    412: ("VERSION_CONFLICT", "The reservation is in version 5 now. Nothing was done.", "If-Match"),
    410: (
        "EVENTS_GONE",
        "Events behind 17 are not kept any more; those behind 4711 are.",
        None,
    ),
    413: ("BODY_TOO_LARGE", "The body must not be larger than 262144 bytes.", None),
    415: ("NOT_JSON", "The body must be application/json in UTF-8.", None),
    422: (
        "AMOUNT_MISMATCH",
        "The amount is not the trip's: expected 200000, given 199999.",
        "paymentInfo.amount",
    ),
    428: (
        "VERSION_REQUIRED",
        "Say which version you have seen: its ETag as If-Match, or expected_version.",
        "expected_version",
    ),
    429: (
        "RATE_LIMITED",
        "More than 60 lists were asked for within a minute. Please try again in 1 s.",
        None,
    ),
    500: ("INTERNAL", "Something went wrong on our side. Please ask us, naming the request.", None),
    503: (
        "TEMPORAL_UNAVAILABLE",
        "Bookings cannot be processed right now. Please try again shortly.",
        None,
    ),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problem answers of a route, each with an example; 429 is one of every route's."""
    return {status: _answer(status) for status in (*statuses, 429)}


def refusal(status: int, code: str, detail: str) -> dict[int | str, dict[str, Any]]:
    """Return the problem answer of a route that shows this problem, in place of the usual one."""
    return {status: _answer(status, (code, detail, None))}


_RATE_LIMIT = {
    name: {"description": description, "schema": {"type": "string", "examples": [example]}}
    for name, description, example in (
        (
            "RateLimit-Policy",
            "The limits that count this request: quota and window in seconds.",
            '"requests";q=30000;w=60, "searches";q=60;w=60',
        ),
        (
            "RateLimit",
            "What is left of each, and in how many seconds there is more.",
            '"requests";r=29939;t=1, "searches";r=0;t=1',
        ),
    )
}

READING = (401, 404, 500, 503)
WRITING = (400, 401, 404, 408, 413, 415, 422, 500, 503)


_SCOPE_MISSING = (
    "SCOPE_MISSING",
    "This needs the scope trips, which the caller of this key does not have.",
    None,
)


_SIGN_IN = (
    "SESSION_REFUSED",
    "Nobody is signed in: a session is needed, as a bearer token or a cookie.",
    None,
)
_SECOND_FACTOR = (
    "SECOND_FACTOR_REQUIRED",
    "This needs a second factor: POST /market/v1/auth/second-factor proves it.",
    None,
)


def _answer(status: int, shown: tuple[str, str, str | None] | None = None) -> dict[str, Any]:
    code, detail, field = shown or EXAMPLES[status]
    example: dict[str, Any] = {
        "type": f"{PAGE}#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if field:
        example["field"] = field
    if status != 404:
        example["instance"] = "urn:request:5f0c8f1e2f0b4c55a1f2b7f0b6f9d3aa"
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": _REF, "example": example}},
    }
    if status in (429, 503):
        answer["headers"] = {
            "Retry-After": {
                "description": "Seconds until it is worth trying again.",
                "schema": {"type": "integer"},
            }
        }
    if status == 429:
        answer["headers"].update(_RATE_LIMIT)
    return answer


def describe(app: FastAPI, examples: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document of ``app``, made once, with its ``examples`` by name."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = {
            **ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}"),
            "title": "Problem",
        }
        schemas.update(schemas["Problem"].pop("$defs", {}))
        schemas["PlainError"] = PlainError.model_json_schema()
        _describe_open_objects(schemas)
        for operations in document["paths"].values():
            for method, operation in operations.items():
                # api.core.edge refuses whatever route it is for
                operation["responses"].setdefault("400", _answer(400))
                if operation.get("security"):  # as api.core.audience does
                    operation["responses"].setdefault("403", _answer(403, _SCOPE_MISSING))
                    _describe_sessions(operation)
                _describe_keys(operation)
                if method == "get":
                    _describe_filters(operation)
        app.openapi_schema = _with_examples(document, examples)
    return app.openapi_schema


def _describe_sessions(operation: dict[str, Any]) -> None:
    """Show how a route refuses who is not signed in, where a session opens it."""
    names = {name for one in operation["security"] for name in one}
    if "HTTPBearer" in names:
        operation["responses"]["401"] = _answer(401, _SIGN_IN)
        if "APIKeyHeader" not in names:
            operation["responses"]["403"] = _answer(403, _SECOND_FACTOR)


def _describe_keys(operation: dict[str, Any]) -> None:
    """State what is told of the key of a keyed route's request (api.core.idempotency)."""
    if any(one["name"] == HEADER.lower() for one in operation.get("parameters", ())):
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answer.setdefault("headers", {}).update(_KEY_TOLD)


def _describe_filters(operation: dict[str, Any]) -> None:
    """Show how a list refuses a filter that it does not have (api.core.audience)."""
    given = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    if not given:
        return
    answer = _answer(422, ("FILTER_NOT_SUPPORTED", unknown_parameter(given), None))
    problem = answer["content"][MEDIA_TYPE]["example"]
    for media_type, content in operation["responses"]["422"]["content"].items():
        if media_type == MEDIA_TYPE:
            content["example"] = {**problem, "details": {"supported": sorted(given)}}
        else:
            content["example"] = {"error": problem["detail"]}


_KEY_TOLD = {
    HEADER: {
        "description": "The key of the request: repeat it with this one.",
        "schema": {"type": "string"},
    },
    REPLAYED: {
        "description": "There when this is what the same request was answered before.",
        "schema": {"type": "string", "const": "true"},
    },
}


def _describe_open_objects(schemas: dict[str, Any]) -> None:
    """State what is asked of JSON that callers hand in and the models do not read (strict_json)."""
    for name, text in (("Json", ANY_LINE), ("OfferJson", ANY_LINES)):
        inner = {"$ref": f"#/components/schemas/{name}"}
        anything = {"propertyNames": {"pattern": text}, "additionalProperties": inner}
        schemas[name] = {
            "description": "Any JSON: text without control characters, numbers up to 2^63.",
            "anyOf": [
                {"type": ["null", "boolean"]},
                {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER},
                {"type": "string", "pattern": text},
                {"type": "array", "items": inner},
                {"type": "object", **anything},
            ],
        }
        if name == "Json":
            schemas["Trip"] |= anything
            schemas["TripComponent"] |= anything
        else:
            schemas["TripComponent"]["properties"]["offer"] |= anything


def _with_examples(node: Any, examples: Mapping[str, Any]) -> Any:
    """Put every named example in its place.

    FastAPI drops what is null from the whole document, examples included; so they travel through
    it as names.
    """
    if isinstance(node, dict):
        return {name: _with_examples(inner, examples) for name, inner in node.items()}
    if isinstance(node, list):
        return [_with_examples(inner, examples) for inner in node]
    if isinstance(node, str) and node.startswith(_NAMED):
        return examples[node.removeprefix(_NAMED)]
    return node


def plain_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problem answers of a route that tells them in words alone."""
    found = problems(*statuses)
    for answer in found.values():
        (content,) = answer["content"].values()
        told = {"error": content["example"]["detail"]}
        schema = {"$ref": "#/components/schemas/PlainError"}
        answer["content"] = {"application/json": {"schema": schema, "example": told}}
    return found


def shown(*names: str) -> dict[str, Any]:
    """Return the JSON content of an answer that shows these examples of the domains."""
    return {
        "application/json": {
            "examples": {name.lower(): {"value": f"{_NAMED}{name}"} for name in names}
        }
    }
