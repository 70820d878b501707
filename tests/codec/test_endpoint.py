"""The codec endpoint: who may use it, from where, and what it answers."""

import base64
import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine

from codec.endpoint import MOST_BYTES, create_app
from commands import callers
from models.core.callers import Scope
from settings import Settings

UI = "http://127.0.0.1:8233"
TOKEN = "t" * 32
KEYS = {name: base64.b64encode(os.urandom(32)).decode() for name in ("old", "new")}
PLAIN: dict[str, Any] = {
    "metadata": {"encoding": base64.b64encode(b"json/plain").decode()},
    "data": base64.b64encode(b'"passport X1234567"').decode(),
}


def settings(database_url: str, ring: str = "new", **more: Any) -> Settings:
    keys = ",".join(f"{name}:{KEYS[name]}" for name in ring.split())
    return Settings(
        database={"url": database_url},
        payload_keys=SecretStr(keys),
        **{"codec_token": SecretStr(TOKEN), "codec_origin": UI, **more},
    )


def client(which: Settings) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(which))
    return httpx.AsyncClient(transport=transport, base_url="http://codec")


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def operator(engine: Engine) -> str:
    return callers.create(engine, "codec-night-shift", scopes=[Scope.OPERATOR])


@pytest.fixture
async def codec(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(settings(database_url, "new old")) as made:
        yield made


def body(*payloads: dict[str, Any]) -> dict[str, Any]:
    return {"payloads": list(payloads)}


async def encoded(database_url: str, ring: str) -> dict[str, Any]:
    """A payload encrypted with the first key of ``ring``."""
    async with client(settings(database_url, ring)) as made:
        answer = await made.post(f"/{TOKEN}/encode", json=body(PLAIN))
    (payload,) = answer.json()["payloads"]
    assert "passport" not in base64.b64decode(payload["data"]).decode("latin-1")
    found: dict[str, Any] = payload
    return found


@pytest.mark.parametrize("way", ["token", "bearer", "header"])
async def test_operators_decode(
    codec: httpx.AsyncClient, operator: str, database_url: str, way: str
) -> None:
    headers = {
        "token": {},
        "bearer": {"Authorization": f"Bearer {operator}"},
        "header": {"X-API-Key": operator},
    }[way]
    path = f"/{TOKEN}/decode" if way == "token" else "/decode"
    sent = body(await encoded(database_url, "old"), await encoded(database_url, "new"), PLAIN)
    # What is not encrypted is shown as it is: the SDK's own markers are such.
    answer = await codec.post(path, json=sent, headers={"X-Namespace": "default", **headers})
    assert answer.status_code == 200, answer.text
    assert answer.json() == body(PLAIN, PLAIN, PLAIN)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/decode", "/encode"])
async def test_nobody_else_does(codec: httpx.AsyncClient, engine: Engine, path: str) -> None:
    planner = callers.create(engine, f"planner{path[1:]}")
    gone = callers.create(engine, f"gone{path[1:]}", scopes=[Scope.OPERATOR])
    callers.revoke(engine, f"gone{path[1:]}")
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Bearer ts_unknown"}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 401),
        ({"X-API-Key": gone}, 401),
        ({"X-API-Key": planner}, 403),
    ):
        answer = await codec.post(path, json=body(PLAIN), headers=headers)
        assert answer.status_code == status, headers
        assert PLAIN["data"] not in answer.text
    assert (await codec.post(f"/wrong{path}", json=body(PLAIN))).status_code == 401


async def test_without_a_token_no_path_opens(database_url: str, operator: str) -> None:
    async with client(settings(database_url, codec_token=SecretStr(""))) as codec:
        for token in ("", TOKEN, operator):
            answer = await codec.post(f"/{token}/decode", json=body(PLAIN))
            assert answer.status_code in (401, 404)
        answer = await codec.post("/decode", json=body(PLAIN), headers={"X-API-Key": operator})
        assert answer.status_code == 200


async def test_pages_of_the_web_ui_may_use_it_and_no_others(codec: httpx.AsyncClient) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-namespace",
    }
    path = f"/{TOKEN}/decode"
    preflight = await codec.options(path, headers={"Origin": UI, **asked})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == UI
    answer = await codec.post(path, json=body(PLAIN), headers={"Origin": UI})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == UI
    for origin in (f"{UI}0", "http://localhost:8233", "https://127.0.0.1:8233", "null"):
        preflight = await codec.options(path, headers={"Origin": origin, **asked})
        assert preflight.status_code == 400
        answer = await codec.post(path, json=body(PLAIN), headers={"Origin": origin})
        assert answer.status_code == 403
        assert PLAIN["data"] not in answer.text
        for refused in (preflight, answer):
            assert "Access-Control-Allow-Origin" not in refused.headers


async def test_an_unknown_key_is_named(database_url: str) -> None:
    payload = await encoded(database_url, "old")
    async with client(settings(database_url, "new")) as codec:
        answer = await codec.post(f"/{TOKEN}/decode", json=body(PLAIN, payload))
    assert answer.status_code == 422
    assert "key 'old', which is not in PAYLOAD_KEYS (there: new)" in answer.text
    # Not JSON: the Web UI would take it for what was decoded.
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_a_damaged_payload_is_reported(codec: httpx.AsyncClient, database_url: str) -> None:
    payload = await encoded(database_url, "new")
    payload["data"] = base64.b64encode(base64.b64decode(payload["data"])[:-1] + b"x").decode()
    answer = await codec.post(f"/{TOKEN}/decode", json=body(payload))
    assert (answer.status_code, "damaged" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b'{"payloads": [1]}', 400),
        (b'{"payloads": [{"data": "abcde"}]}', 400),
        (b'{"payloads": 1}', 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b" " * (MOST_BYTES + 1), 413),
        (json.dumps(body(*[{}] * 1001)).encode(), 413),
    ],
    ids=["empty", "list", "base64", "number", "bytes", "deep", "large", "many"],
)
async def test_bad_bodies_are_refused(
    codec: httpx.AsyncClient, content: bytes, status: int
) -> None:
    answer = await codec.post(f"/{TOKEN}/decode", content=content)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_without_the_database_keys_are_not_believed(operator: str) -> None:
    nowhere = settings("postgresql://postgres@127.0.0.1:1/none")
    async with client(nowhere) as codec:
        answer = await codec.post("/decode", json=body(PLAIN), headers={"X-API-Key": operator})
    assert answer.status_code == 503
    assert PLAIN["data"] not in answer.text


async def test_what_is_logged_tells_who_and_no_content(
    codec: httpx.AsyncClient,
    operator: str,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    payload = await encoded(database_url, "old")
    caplog.clear()
    headers = {"X-API-Key": operator, "X-Namespace": "default"}
    with caplog.at_level("INFO", "tripsaga.codec"):
        await codec.post("/decode", json=body(payload), headers=headers)
    (line,) = caplog.records
    assert line.getMessage() == "decode: 1 payloads in namespace 'default' with keys old"
    assert line.__dict__["caller"] == "codec-night-shift"
