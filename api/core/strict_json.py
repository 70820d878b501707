"""Strict JSON: what plain parsers let through and then fail on is refused here (S8).

NaN, Infinity and numbers beyond a double, lone surrogates, NUL, repeated names, deep nesting,
control characters and card numbers (S12) never reach a model, the database or a log.
"""

import json
import math
from typing import Any, NoReturn

from api.core.problems import ApiProblem
from models.core import incoming
from models.core.incoming import UnfitText, walk

MAX_DEPTH = 32
"""How deep objects and lists may nest; the deepest body of this API needs 4."""
MAX_NUMBER = 2**63
MAX_STRINGS = 20_000
"""How many values and names a body may hold."""


def parse(raw: bytes) -> Any:
    """Return the value of a JSON document.

    Raises:
        ApiProblem: 400 ``MALFORMED_JSON``, or 422 ``CARD_NUMBER_REFUSED`` naming the field.
    """
    if not raw.strip():
        raise _malformed("the body is empty; a JSON object is needed")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("the body is not UTF-8") from error
    try:
        value = json.loads(
            text,
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise _malformed(
            f"the body is not JSON: line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise _malformed("the body nests too deeply") from error
    except ValueError as error:  # an integer of thousands of digits
        raise _malformed("the body holds a number that is too large") from error
    _inspect(value)
    return value


def canonical(value: Any) -> bytes:
    """Return one spelling of a JSON value: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _malformed(detail: str) -> ApiProblem:
    return ApiProblem(400, "MALFORMED_JSON", detail[:1].upper() + detail[1:] + ".")


def _no_constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _malformed("the body holds a number that is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("an object names the same field twice")
    return found


def _inspect(value: Any) -> None:
    for seen, (current, path, depth) in enumerate(walk(value), 1):
        if seen > MAX_STRINGS:
            raise _malformed("the body holds too many values")
        if isinstance(current, str):
            expect_fit(current, path)
        elif isinstance(current, int | float) and abs(current) > MAX_NUMBER:
            raise _malformed("the body holds a number that is too large")
        elif isinstance(current, dict | list) and depth > MAX_DEPTH:
            raise _malformed("the body nests too deeply")


def expect_fit(text: str, field: str) -> None:
    """Make sure that text of a request may be kept; see :func:`models.core.incoming.expect_fit`.

    Raises:
        ApiProblem: 422 ``CARD_NUMBER_REFUSED`` or ``INVALID_REQUEST``, or 400 ``MALFORMED_JSON``
            for what JSON should not hold.
    """
    try:
        incoming.expect_fit(text, field)
    except UnfitText as error:
        match error.kind:
            case "card_number":
                raise ApiProblem(
                    422,
                    "CARD_NUMBER_REFUSED",
                    "Text that looks like a card number is refused. Card data goes to the payment"
                    " gateway only; send its payment method id.",
                    field=field[:200],
                ) from error
            case "control_character":
                raise ApiProblem(
                    422,
                    "INVALID_REQUEST",
                    "Text must not hold control characters; notes and reasons may have several"
                    " lines.",
                    field=field[:200],
                ) from error
            case "not_storable":
                raise _malformed(
                    "text must not hold the NUL character or lone surrogates"
                ) from error
