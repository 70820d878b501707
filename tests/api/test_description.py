"""The published OpenAPI document: valid examples for every answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from api.app import create_app
from settings import Settings


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app: FastAPI = create_app(Settings())
    return app.openapi()


def _examples(content: dict[str, Any]) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    yield from (example["value"] for example in content.get("examples", {}).values())


def _validate(document: dict[str, Any], schema: dict[str, Any], example: Any, where: str) -> None:
    whole = {**schema, "components": document["components"]}
    errors = [e.message for e in Draft202012Validator(whole).iter_errors(example)]
    assert not errors, (where, errors)


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_answer_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    seen = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {}).items():
                    where = f"{method} {path} {status} {media_type}"
                    examples = list(_examples(content))
                    assert examples, where
                    for example in examples:
                        _validate(document, content["schema"], example, where)
                        seen += 1
    assert seen > 50


def test_every_body_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"]["$ref"].rpartition("/")[2]
                schema = document["components"]["schemas"][name]
                assert schema["examples"]
                for example in schema["examples"]:
                    _validate(document, content["schema"], example, name)


def test_examples_have_no_field_the_schema_does_not_name(document: dict[str, Any]) -> None:
    """Answers allow further fields in the schema; examples must not invent any."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for answer in operation["responses"].values():
                for media_type, content in answer.get("content", {}).items():
                    reference = content.get("schema", {}).get("$ref", "")
                    if not reference:
                        continue
                    names = document["components"]["schemas"][reference.rpartition("/")[2]]
                    for example in _examples(content):
                        assert set(example) <= set(names["properties"]), (path, media_type)


def test_every_route_that_works_can_be_unavailable(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith("/booking"):
                unknown = set() if path == "/booking" else {"404"}  # a list may be empty
                assert {"401", "500", "503"} | unknown <= set(operation["responses"])
                assert "Retry-After" in operation["responses"]["503"]["headers"]
