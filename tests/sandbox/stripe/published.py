"""Stripe's published specification as JSON schemas, for requests and answers."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from jsonschema import Draft202012Validator

SPECIFICATION = Path(__file__).parents[4] / "shared" / "specs" / "stripe" / "openapi.trimmed.json"

present = pytest.mark.skipif(
    not SPECIFICATION.exists(), reason=f"Stripe's specification is not at {SPECIFICATION}"
)


@cache
def _document() -> dict[str, Any]:
    published = json.loads(SPECIFICATION.read_text())
    published["paths"] |= {"/v1/disputes": {"get": _list_like(published, "refund", "dispute")}}
    return dict(_as_json_schema(published))


def _list_like(published: dict[str, Any], kind: str, other: str) -> dict[str, Any]:
    """The list of another kind, as that of ``kind`` is published: our copy leaves it out."""
    text = json.dumps(published["paths"][f"/v1/{kind}s"]["get"])
    return dict(
        json.loads(
            text.replace(f'schemas/{kind}"', f'schemas/{other}"').replace(
                f"/v1/{kind}s", f"/v1/{other}s"
            )
        )
    )


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` in JSON Schema's words."""
    if isinstance(node, list):
        return [_as_json_schema(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _as_json_schema(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [inner, {"type": "null"}]} if node.get("nullable") is True else inner


def _operation(method: str, path: str) -> dict[str, Any]:
    """The operation whose path template fits; literal segments win over parameters."""
    parts = path.split("/")
    fitting = [
        template
        for template in _document()["paths"]
        if len(template.split("/")) == len(parts)
        and all(
            published == given or published.startswith("{")
            for published, given in zip(template.split("/"), parts, strict=True)
        )
        and method.lower() in _document()["paths"][template]
    ]
    assert fitting, f"{method} {path} is not published"
    found = _document()["paths"][min(fitting, key=lambda template: template.count("{"))]
    return dict(found[method.lower()])


def _errors(schema: dict[str, Any], instance: Any) -> list[str]:
    whole = {**schema, "components": _document()["components"]}
    return [
        f"{error.json_path}: {error.message[:300]}"
        for error in Draft202012Validator(whole).iter_errors(instance)
    ]


def check_answer(response: httpx.Response) -> None:
    """Fail unless the answer is as published for its path and status."""
    path = urlsplit(str(response.request.url)).path.removeprefix("/stripe")
    answers = _operation(response.request.method, path)["responses"]
    answer = answers.get(str(response.status_code), answers["default"])
    problems = _errors(answer["content"]["application/json"]["schema"], response.json())
    assert not problems, f"{response.request.method} {path}: {problems}"


def check_request(request: httpx.Request) -> None:
    """Fail unless the request's parameters are published for its path."""
    url = urlsplit(str(request.url))
    path = url.path.removeprefix("/stripe")
    operation = _operation(request.method, path)
    if request.method == "GET":
        known = {p["name"]: p["schema"] for p in operation.get("parameters", [])}
        schema: dict[str, Any] = {
            "type": "object",
            "properties": known,
            "additionalProperties": False,
        }
        encoded = url.query
    else:
        content = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]
        schema = content["schema"]
        encoded = request.content.decode()
    problems = _errors(schema, _typed(_nested(encoded), schema))
    assert not problems, f"{request.method} {path}?{encoded}: {problems}"


def _nested(encoded: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        node, key = tree, first
        for part in rest:
            node = node.setdefault(key, {})
            key = part or str(len(node))
        node[key] = value
    return tree


def _typed(value: Any, schema: dict[str, Any]) -> Any:
    """Form values are text; read them as the schema wants them."""
    for option in schema.get("anyOf", []):
        read = _typed(value, option)
        if not _errors(option, read):
            return read
    match schema.get("type"):
        case "integer" if isinstance(value, str) and value.removeprefix("-").isdecimal():
            return int(value)
        case "boolean" if value in ("true", "false"):
            return value == "true"
        case "array" if isinstance(value, dict):
            return [_typed(entry, schema.get("items", {})) for entry in value.values()]
        case "object" if isinstance(value, dict):
            known = schema.get("properties", {})
            return {key: _typed(entry, known.get(key, {})) for key, entry in value.items()}
    return value
