"""Strict JSON: what plain parsers let through and then fail on is refused here (S8).

NaN, Infinity and numbers beyond a double, lone surrogates, NUL, repeated names, deep nesting and
card numbers (S12) never reach a model, the database or a log.
"""

import json
import math
from typing import Any, NoReturn

from api.core.card_numbers import holds_card_number
from api.core.problems import ApiProblem

MAX_DEPTH = 32
"""How deep objects and lists may nest; the deepest body of this API needs 4."""
MAX_STRINGS = 10_000
"""How many values a body may hold."""


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
    # A stack of our own: recursion would fail on the very input this looks for.
    waiting: list[tuple[Any, str, int]] = [(value, "", 1)]
    seen = 0
    while waiting:
        current, path, depth = waiting.pop()
        seen += 1
        if seen > MAX_STRINGS:
            raise _malformed("the body holds too many values")
        if isinstance(current, str):
            _inspect_text(current, path)
        elif isinstance(current, int) and abs(current) > 2**63:
            raise _malformed("the body holds a number that is too large")
        elif isinstance(current, dict | list) and depth > MAX_DEPTH:
            raise _malformed("the body nests too deeply")
        elif isinstance(current, dict):
            for name, inner in current.items():
                _inspect_text(name, path)
                waiting.append((inner, f"{path}.{name}" if path else name, depth + 1))
        elif isinstance(current, list):
            waiting.extend((inner, f"{path}[{i}]", depth + 1) for i, inner in enumerate(current))


def _inspect_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise _malformed("text must not hold the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _malformed("text must not hold lone surrogates") from error
    if holds_card_number(text, phone=path.endswith("phone")):
        raise ApiProblem(
            422,
            "CARD_NUMBER_REFUSED",
            "Text that looks like a card number is refused. Card data goes to the payment gateway"
            " only; send its payment method id.",
            field=path[:200],
        )
