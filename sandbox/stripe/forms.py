"""Form-encoded parameters with brackets: ``a[b]=c``, ``a[]=d``, ``a[0][b]=e``."""

import operator
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import ApiError

Parameters = dict[str, Any]

_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_METADATA_LIMITS = (50, 40, 500)
"""Keys per object, characters per key, characters per value."""


def parse(encoded: bytes) -> Parameters:
    """Return the nested parameters; every leaf is text.

    Raises:
        ApiError: the body is not form-encoded UTF-8.
    """
    try:
        pairs = parse_qsl(
            encoded.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(encoded)
        )
    except ValueError as error:
        raise ApiError("Invalid request: the body is not a form-encoded one.") from error
    tree: Parameters = {}
    for name, value in pairs:
        match = _NAME.match(name)
        if match is None:
            raise ApiError(f"Invalid parameter name: {name}", param=name)
        keys = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        _insert(tree, keys, value, name)
    return {name: _with_lists(value) for name, value in tree.items()}


def _insert(tree: Parameters, keys: list[str], value: str, name: str) -> None:
    *parents, last = keys
    node = tree
    for key in parents:
        node = node.setdefault(key or str(len(node)), {})
        if not isinstance(node, dict):
            raise ApiError(f"Invalid parameter: {name}", param=name)
    node[last or str(len(node))] = value


def _with_lists(node: Any) -> Any:
    """Turn mappings with the keys 0, 1, … into lists."""
    if not isinstance(node, dict):
        return node
    inner = {key: _with_lists(value) for key, value in node.items()}
    if inner and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner


def only(parameters: Parameters, known: Collection[str]) -> None:
    """Refuse parameters that the endpoint does not have.

    Raises:
        ApiError: code ``parameter_unknown``.
    """
    for name in parameters:
        if name not in known and name != "expand":
            raise ApiError(
                f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )


def text(parameters: Parameters, name: str) -> str | None:
    """Return a text parameter, or None. An empty one counts as not given."""
    value = parameters.get(name)
    if value is not None and not isinstance(value, str):
        raise ApiError(f"Invalid string: {name}", param=name)
    return value or None


def required(parameters: Parameters, name: str) -> str:
    """Return a text parameter that must be there."""
    value = text(parameters, name)
    if value is None:
        raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return value


def integer(parameters: Parameters, name: str, *, least: int | None = None) -> int | None:
    """Return a whole number, or None."""
    value = text(parameters, name)
    if value is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise ApiError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    if least is not None and int(value) < least:
        raise ApiError(
            f"This value must be greater than or equal to {least}.",
            code="parameter_invalid_integer",
            param=name,
        )
    return int(value)


def boolean(parameters: Parameters, name: str) -> bool | None:
    """Return a truth value, or None."""
    value = text(parameters, name)
    if value is None:
        return None
    if value not in ("true", "false"):
        raise ApiError(f"Invalid boolean: {value}", param=name)
    return value == "true"


def choice(parameters: Parameters, name: str, choices: Collection[str]) -> str | None:
    """Return one of the ``choices``, or None."""
    value = text(parameters, name)
    if value is not None and value not in choices:
        raise ApiError(f"Invalid {name}: must be one of {', '.join(sorted(choices))}", param=name)
    return value


def strings(parameters: Parameters, name: str) -> list[str]:
    """Return a list of text, empty when not given."""
    value = parameters.get(name) or []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ApiError("Invalid array", param=name)
    return value


def mapping(parameters: Parameters, name: str) -> Parameters:
    """Return a nested mapping, empty when not given."""
    value = parameters.get(name) or {}
    if not isinstance(value, dict):
        raise ApiError("Invalid object", param=name)
    return value


def metadata(parameters: Parameters) -> dict[str, str]:
    """Return the metadata, within Stripe's limits."""
    most, key_length, value_length = _METADATA_LIMITS
    given = parameters.get("metadata") or {}
    if isinstance(given, list):  # keys 0, 1, … are just keys here
        given = {str(number): value for number, value in enumerate(given)}
    if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
        raise ApiError("Invalid object", param="metadata")
    if len(given) > most:
        raise ApiError(f"Metadata can have at most {most} keys.", param="metadata")
    for key, value in given.items():
        if len(key) > key_length or len(value) > value_length:
            raise ApiError(
                f"Metadata keys have at most {key_length} characters, values {value_length}.",
                param=f"metadata[{key}]",
            )
    return {key: value for key, value in given.items() if value != ""}


PAGING = frozenset({"created", "limit", "starting_after", "ending_before"})
"""Parameters of every list."""

_COMPARED = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def created(parameters: Parameters, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the documents of the time asked for: ``created=…``, ``created[gte]=…`` and so on."""
    asked = parameters.get("created")
    if isinstance(asked, dict):
        only(asked, _COMPARED)
        bounds = [(_COMPARED[name], integer(asked, name)) for name in asked]
    else:
        bounds = [(operator.eq, integer(parameters, "created"))]
    for holds, bound in bounds:
        if bound is not None:
            documents = [found for found in documents if holds(found["created"], bound)]
    return documents


def paging(parameters: Parameters) -> Parameters:
    """Return which page of a list is asked for."""
    return {
        "limit": integer(parameters, "limit"),
        "starting_after": text(parameters, "starting_after"),
        "ending_before": text(parameters, "ending_before"),
    }
