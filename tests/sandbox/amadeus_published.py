"""Amadeus' published Swagger files as JSON schemas, for requests and answers."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

SPECIFICATIONS = Path(__file__).resolve().parents[3] / "shared" / "specs" / "amadeus"

present = pytest.mark.skipif(
    not SPECIFICATIONS.exists(), reason="the published specifications are not beside this checkout"
)

_FLIGHT_FILES = (
    "FlightOffersSearch_v2",
    "FlightOffersPrice_v1",
    "FlightCreateOrders_v1",
    "FlightOrderManagement_v1",
)


@cache
def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SPECIFICATIONS / f"{name}.swagger.json").read_text())
    return loaded


def _operation(method: str, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document and the operation that a request is one of."""
    for name in _FLIGHT_FILES:
        whole = document(name)
        for template, methods in whole["paths"].items():
            published = (whole["basePath"] + template).split("/")
            given = path.split("/", len(published) - 1)
            if (
                len(published) == len(given)
                and all(w == g or w.startswith("{") for w, g in zip(published, given, strict=True))
                and method.lower() in methods
            ):
                return whole, methods[method.lower()]
    raise AssertionError(f"{method} {path} is not published")


def resolve(whole: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow a local reference."""
    while "$ref" in node:
        target: Any = whole
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        node = target
    return node


def problems(whole: dict[str, Any], schema: dict[str, Any], instance: Any) -> list[str]:
    """What is wrong by the schema, and what is there without being declared."""
    referring: dict[str, Any] = {
        **schema,
        **{k: whole[k] for k in ("definitions", "components") if k in whole},
    }
    wrong = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in Draft4Validator(referring).iter_errors(instance)
    ]
    return wrong + [f"undeclared: {path}" for path in _undeclared(whole, [schema], instance, "")]


def _undeclared(
    whole: dict[str, Any], schemas: list[dict[str, Any]], instance: Any, path: str
) -> Iterator[str]:
    parts = [part for schema in schemas for part in _flat(whole, schema)]
    if isinstance(instance, list):
        items = [part["items"] for part in parts if "items" in part]
        for number, value in enumerate(instance):
            yield from _undeclared(whole, items, value, f"{path}/{number}")
    elif isinstance(instance, dict):
        for name, value in instance.items():
            known = [
                part["properties"][name] for part in parts if name in part.get("properties", {})
            ]
            known += [
                part["additionalProperties"]
                for part in parts
                if isinstance(part.get("additionalProperties"), dict)
            ]
            if known:
                yield from _undeclared(whole, known, value, f"{path}/{name}")
            else:
                yield f"{path}/{name}"


def _flat(whole: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    schema = resolve(whole, schema)
    yield schema
    for part in schema.get("allOf", []):
        yield from _flat(whole, part)


def assert_request(method: str, path: str, headers: dict[str, str], body: Any) -> None:
    """Hold a request, as it arrived, against the specification."""
    whole, operation = _operation(method, path)
    assert headers["authorization"].startswith("Bearer ")
    for parameter in operation.get("parameters", []):
        declared = resolve(whole, parameter)
        if declared["in"] == "header" and declared.get("required"):
            assert headers.get(declared["name"].lower()), f"{path} needs {declared['name']}"
        if declared["in"] == "body":
            assert headers["content-type"] == "application/vnd.amadeus+json"
            assert problems(whole, declared["schema"], body) == []


def assert_answer(
    method: str, path: str, status: int, headers: dict[str, str], answer: Any
) -> None:
    """Hold an answer, as it left, against the specification."""
    whole, operation = _operation(method, path)
    responses = operation["responses"]
    assert str(status) in responses or status in (401, 500), f"{status} is not published"
    published = resolve(whole, responses.get(str(status), responses["default"]))
    if "schema" not in published:
        assert answer is None
        return
    assert headers["content-type"] == "application/vnd.amadeus+json"
    assert problems(whole, published["schema"], answer) == []
