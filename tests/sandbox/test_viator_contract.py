"""Viator's published specification against what we send and what the sandbox answers.

The requests are the adapter's own, as they arrive; the answers are the sandbox's, as they leave.
"""

import datetime as dt
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from models.core.errors import ProviderError
from models.core.supply import ItemType, TripComponent
from sandbox.viator import live_offers
from suppliers.core.protocol import Party
from suppliers.viator.adapter import ViatorSupplier
from tests.suppliers.conftest import Exchange, LocalWorld, component, in_days
from tests.suppliers.conftest import local as local
from tests.suppliers.conftest import party as party

SPEC = Path(__file__).resolve().parents[3] / "shared/specs/viator/partner-api-v2.trimmed.json"
pytestmark = pytest.mark.skipif(
    not SPEC.exists(), reason="the published specification is not beside this checkout"
)
HEADERS = {"exp-api-key": "k", "Accept": "application/json;version=2.0"}
STATUS_VARIANT = {
    "CONFIRMED": "BookingStatusResponseConfirmed",
    "PENDING": "BookingStatusResponseTransient",
    "IN_PROGRESS": "BookingStatusResponseTransient",
    "REJECTED": "BookingStatusResponseRejected",
    "CANCELED": "BookingStatusResponseOther",
}


@cache
def spec() -> dict[str, Any]:
    # Some patterns set a flag in their middle, which Java takes and Python does not.
    text = re.sub(r'("pattern": ")(?!\(\?s\))([^"]*?)\(\?s\)', r"\1(?s)\2", SPEC.read_text())
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def operation(exchange: Exchange) -> dict[str, Any]:
    """The operation of the specification that an exchange is one of."""
    path = exchange.path.removeprefix("/viator/partner")
    for template, methods in spec()["paths"].items():
        parts, named = path.split("/"), template.split("/")
        if len(parts) == len(named) and all(
            part == name or name.startswith("{") for part, name in zip(parts, named, strict=True)
        ):
            found = methods.get(exchange.method.lower())
            # "/bookings/modified-since" also fits no template with a parameter: exact ones win.
            if found is not None and (template == path or path not in spec()["paths"]):
                return dict(found)
    raise AssertionError(f"{exchange.method} {path} is not published")


def problems(schema: dict[str, Any], instance: Any) -> list[str]:
    """What is wrong by the schema, and what is there without being declared."""
    document = {**schema, "components": spec()["components"]}
    wrong = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft202012Validator(document).iter_errors(instance)
    ]
    return wrong + [f"undeclared: {path}" for path in undeclared([schema], instance, "")]


def undeclared(schemas: list[dict[str, Any]], instance: Any, path: str) -> Iterator[str]:
    """The properties of an instance that none of the schemas, taken together, knows."""
    parts = [part for schema in schemas for part in flat(schema)]
    if isinstance(instance, list):
        items = [part["items"] for part in parts if "items" in part]
        for number, value in enumerate(instance):
            yield from undeclared(items, value, f"{path}/{number}")
    elif isinstance(instance, dict):
        for name, value in instance.items():
            known = [p["properties"][name] for p in parts if name in p.get("properties", {})]
            if known:
                yield from undeclared(known, value, f"{path}/{name}")
            else:
                yield f"{path}/{name}"


def flat(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema with what it refers to and is composed of."""
    if "$ref" in schema:
        target: Any = spec()
        for key in schema["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        yield from flat(target)
    yield schema
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(word, []):
            yield from flat(part)


def named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def assert_published(exchange: Exchange) -> None:
    """Hold one exchange against the specification."""
    published = operation(exchange)
    assert exchange.headers["accept"] == "application/json;version=2.0"
    assert exchange.headers["exp-api-key"]
    if "requestBody" in published:
        content = published["requestBody"]["content"]["application/json;version=2.0"]
        assert exchange.headers["content-type"].startswith("application/json")
        assert problems(content["schema"], exchange.body) == []
    response = published["responses"].get(str(exchange.status))
    assert response is not None, f"{exchange.status} is not published for {exchange.path}"
    for header in ("X-Unique-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"):
        assert exchange.answer_headers[header.lower()]
    if exchange.status in (429, 503):
        assert exchange.answer_headers["retry-after"]
    if exchange.status >= 400:
        assert problems(named("ErrorResponse"), exchange.answer) == []
        assert {"code", "message", "timestamp", "trackingId"} <= exchange.answer.keys()
    elif exchange.path.endswith("/bookings/status"):
        # The oneOf of the specification is not exclusive (a confirmed booking also fits the
        # others), so the variant is chosen by the status; what is declared, by all of them.
        variant = named(STATUS_VARIANT[exchange.answer["status"]])
        assert not any(
            "undeclared" not in problem for problem in problems(variant, exchange.answer)
        )
        assert list(undeclared([named("BookingStatusResponse")], exchange.answer, "")) == []
    elif "/products/" in exchange.path:
        # Active products are trimmed out of the specification but for these fields.
        assert not any(
            "undeclared" not in problem for problem in problems(named("Product"), exchange.answer)
        )
    elif exchange.status == 200:
        (content,) = response["content"].values()
        assert exchange.answer_headers["content-type"].startswith("application/json;version=2.0")
        assert problems(content["schema"], exchange.answer) == []


@pytest.fixture
async def tours(local: LocalWorld) -> AsyncIterator[ViatorSupplier]:
    supplier = ViatorSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    offer = live_offers(
        local.world, city="Rome", date=in_days(30), adults=2, currency="EUR", count=1
    )[0]
    return component(offer, ItemType.ACTIVITY, "viator")


def test_the_checker_can_fail() -> None:
    good = {"status": "CANCELABLE", "bookingId": "BR-1"}
    assert problems(named("CancelBookingQuoteResponse"), good) == []
    assert problems(named("CancelBookingQuoteResponse"), {"bookingId": "BR-1"})
    assert problems(named("CancelBookingQuoteResponse"), {**good, "bookingId": 1})
    assert problems(named("CancelBookingQuoteResponse"), {**good, "invented": 1})
    nested = {**good, "refundDetails": {"itemPrice": "1"}}
    assert problems(named("CancelBookingQuoteResponse"), nested)


async def test_the_whole_way(
    local: LocalWorld, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    reference, since = str(uuid.uuid4()), dt.datetime.now(dt.UTC)
    await tours.find(reference, since=since)
    booked = await tours.book(item, await tours.quote(item, party), party, reference)
    await tours.find(reference, since=since)
    await tours.cancel(booked, "key")
    await tours.find(reference, since=since)
    await tours.cancel(booked, "key")
    manual = item.model_copy(
        update={"offer": item.offer | {"productCode": "77777P404", "title": _title("77777P404")}}
    )
    quote = await tours.quote(manual, party)
    pending = await tours.book(manual, quote, party, reference + "-2")
    await tours.find(reference + "-2", since=since)
    await tours.cancel(pending, "key")
    for exchange in local.recorder.exchanges:
        assert_published(exchange)
    seen = {exchange.path.rsplit("/", 1)[1] for exchange in local.recorder.exchanges}
    assert {"check", "hold", "book", "status", "cancel-quote", "cancel"} <= seen


def _title(code: str) -> str:
    from sandbox.viator.catalogue import product_of

    product = product_of(code)
    assert product is not None
    return product.title


@pytest.mark.parametrize("kind", ["refuse", "error", "price_drift", "duplicate"])
@pytest.mark.parametrize("name", ["quote", "book", "find", "cancel"])
async def test_faulty_answers_are_published_ones_too(
    local: LocalWorld,
    tours: ViatorSupplier,
    item: TripComponent,
    party: Party,
    name: str,
    kind: str,
) -> None:
    reference, since = str(uuid.uuid4()), dt.datetime.now(dt.UTC)
    fault = local.world.faults.arm("viator", name, kind)
    for _ in range(2):
        try:
            quote = await tours.quote(item, party)
            await tours.book(item, quote, party, reference)
            found = await tours.find(reference, since=since)
            assert found is not None
            await tours.cancel(found, "key")
        except ProviderError:
            continue
    assert fault.fired == 1
    for exchange in local.recorder.exchanges:
        assert_published(exchange)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("POST", "/availability/check", {}, {"exp-api-key": "k"}, 400, "INVALID_HEADER_VALUE"),
        ("POST", "/availability/check", {}, {"Accept": HEADERS["Accept"]}, 401, "UNAUTHORIZED"),
        ("POST", "/availability/check", {}, HEADERS, 400, "BAD_REQUEST"),
        ("POST", "/bookings/hold", [], HEADERS, 400, "BAD_REQUEST"),
        ("POST", "/bookings/book", {"partnerBookingRef": "x"}, HEADERS, 400, "BAD_REQUEST"),
        ("POST", "/bookings/status", {"bookingRef": "BR-1"}, HEADERS, 404, "NOT_FOUND"),
        ("GET", "/bookings/BR-1/cancel-quote", None, HEADERS, 404, "NOT_FOUND"),
        ("POST", "/bookings/BR-1/cancel", {"reasonCode": "x"}, HEADERS, 404, "NOT_FOUND"),
        ("GET", "/bookings/cancel-reasons", None, HEADERS, 200, None),
        ("GET", "/bookings/modified-since", None, HEADERS, 200, None),
        ("GET", "/bookings/modified-since?modified-since=x", None, HEADERS, 400, "BAD_REQUEST"),
        ("GET", "/products/none", None, HEADERS, 404, "NOT_FOUND"),
    ],
)
async def test_plain_requests(
    local: LocalWorld,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    async with httpx.AsyncClient(base_url=f"{local.url}/viator/partner") as http:
        answer = await http.request(method, path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["RateLimit-Limit"]
    if code is not None:
        assert answer.json()["code"] == code
        assert problems(named("ErrorResponse"), answer.json()) == []
    else:
        assert_published(local.recorder.exchanges[0])


async def test_events_of_operators_are_listed_until_acknowledged(
    local: LocalWorld, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    since = dt.datetime.now(dt.UTC)
    quote = await tours.quote(item, party)
    await tours.cancel(await tours.book(item, quote, party, str(uuid.uuid4())), "key")
    assert await tours.changes(since) == []  # our own doing
    reference = str(uuid.uuid4())
    booked = await tours.book(item, quote, party, reference)
    async with httpx.AsyncClient(base_url=local.url) as http:
        for act in ("amend", "cancel"):
            done = await http.post(f"/_sandbox/viator/bookings/{reference}/{act}", json={})
            assert done.status_code == 200
        listed = await tours.changes(since)
        assert [change.kind for change in listed] == ["AMENDMENT", "CANCELLATION"]
        await tours.look(booked)
        await tours.cancel_quote(booked)
        await tours.acknowledge(listed)
        assert await tours.changes(since) == []
        lost = await http.post(
            "/viator/partner/bookings/modified-since/acknowledge",
            json={"transactionRefs": ["foo"]},
            headers=HEADERS,
        )
    published = spec()["paths"]["/bookings/modified-since/acknowledge"]["post"]["responses"]["404"]
    schema = published["content"]["application/json"]["schema"]
    assert lost.status_code == 404
    assert problems(schema, lost.json()) == []
    for exchange in local.recorder.exchanges:
        if exchange.status != 404 and not exchange.path.startswith("/_sandbox"):
            assert_published(exchange)


async def test_a_rejected_booking_is_shown_as_published(
    local: LocalWorld, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    offer = item.offer | {"productCode": "77777P404", "title": _title("77777P404")}
    manual = item.model_copy(update={"offer": offer})
    reference = str(uuid.uuid4())
    pending = await tours.book(manual, await tours.quote(manual, party), party, reference)
    async with httpx.AsyncClient(base_url=local.url) as http:
        await http.post(f"/_sandbox/viator/bookings/{reference}/reject", json={})
    await tours.look(pending)
    await tours.find(reference, since=dt.datetime.now(dt.UTC))
    for exchange in local.recorder.exchanges:
        if not exchange.path.startswith("/_sandbox"):
            assert_published(exchange)
