"""GetYourGuide's published specification against what we send and what the sandbox answers.

The requests are the adapter's own, as they arrive; the answers are the sandbox's, as they leave.
"""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from models.core.errors import ProviderError
from models.core.supply import ItemType, TripComponent
from sandbox.getyourguide import live_offers
from sandbox.getyourguide.catalogue import MANUAL, tour_like
from sandbox.getyourguide.ledger import Start
from sandbox.getyourguide.offers import offer_of
from suppliers.core.protocol import Party
from suppliers.getyourguide.adapter import GetYourGuideSupplier
from tests.suppliers.conftest import Exchange, LocalWorld, component, in_days
from tests.suppliers.conftest import local as local
from tests.suppliers.conftest import party as party

SPEC = Path(__file__).resolve().parents[3] / "shared/specs/getyourguide/api.yaml"
pytestmark = pytest.mark.skipif(
    not SPEC.exists(), reason="the published specification is not beside this checkout"
)
HEADERS = {"X-ACCESS-TOKEN": "k"}
SHOWN = {"cnt_language": "en", "currency": "EUR"}

Json = dict[str, Any]


@cache
def document(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def inlined(node: Any, file: Path) -> Any:
    """A part of the specification with what it refers to, in other files too, put in."""
    if isinstance(node, list):
        return [inlined(one, file) for one in node]
    if not isinstance(node, dict):
        return node
    whole = {name: inlined(value, file) for name, value in node.items() if name != "$ref"}
    if "$ref" in node:
        where, _, pointer = node["$ref"].partition("#")
        target_file = (file.parent / where).resolve() if where else file
        target = document(target_file)
        for key in pointer.strip("/").split("/"):
            target = target[key.replace("~1", "/").replace("~0", "~")]
        whole = inlined(target, target_file) | whole
    return whole


@cache
def paths() -> Json:
    return dict(inlined(document(SPEC)["paths"], SPEC))


def operation(exchange: Exchange) -> Json:
    """The operation of the specification that an exchange is one of."""
    path = exchange.path.removeprefix("/getyourguide")
    for template, methods in paths().items():
        parts, named = path.split("/"), template.split("/")
        if len(parts) == len(named) and all(
            part == name or name.startswith("{") for part, name in zip(parts, named, strict=True)
        ):
            found = methods.get(exchange.method.lower())
            if found is not None:
                return dict(found)
    raise AssertionError(f"{exchange.method} {path} is not published")


def problems(schema: Json, instance: Any) -> list[str]:
    """What is wrong by the schema, and what is there without being declared."""
    wrong = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(instance)
    ]
    return wrong + [f"undeclared: {path}" for path in undeclared([schema], instance, "")]


def undeclared(schemas: list[Json], instance: Any, path: str) -> Iterator[str]:
    """The properties of an instance that none of the schemas, taken together, knows."""
    parts = [part for schema in schemas for part in flat(schema)]
    if isinstance(instance, list):
        items = [part["items"] for part in parts if "items" in part]
        for number, value in enumerate(instance):
            yield from undeclared(items, value, f"{path}/{number}")
    elif isinstance(instance, dict):
        free = [p["additionalProperties"] for p in parts if "additionalProperties" in p]
        for name, value in instance.items():
            known = [p["properties"][name] for p in parts if name in p.get("properties", {})]
            if known or free:
                yield from undeclared(known or free, value, f"{path}/{name}")
            else:
                yield f"{path}/{name}"


def flat(schema: Json) -> Iterator[Json]:
    """A schema with what it is composed of."""
    yield schema
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(word, []):
            yield from flat(part)


def body_schema(content: Json) -> Json:
    return dict(content["content"]["application/json"]["schema"])


def assert_published(exchange: Exchange) -> None:
    """Hold one exchange against the specification."""
    published = operation(exchange)
    assert exchange.headers["x-access-token"]
    query = parse_qs(exchange.query)
    declared = {p["name"]: p for p in published["parameters"] if p["in"] == "query"}
    assert set(query) <= set(declared), f"{exchange.path} takes no {set(query) - set(declared)}"
    for name, parameter in declared.items():
        assert name in query or not parameter.get("required"), f"{exchange.path} needs {name}"
        for value in query.get(name, []):
            schema = parameter["schema"]
            typed = int(value) if schema.get("type") == "integer" else value
            assert problems(schema, typed) == []
    if "requestBody" in published:
        assert exchange.headers["content-type"].startswith("application/json")
        assert problems(body_schema(published["requestBody"]), exchange.body) == []
        assert exchange.body
    else:
        assert exchange.body is None
    if exchange.status == 200:
        assert problems(body_schema(published["responses"][200]), exchange.answer) == []
    elif exchange.status in (400, 401, 404):
        assert problems(body_schema(published["responses"]["4XX"]), exchange.answer) == []
        assert exchange.answer["status"] == "ERROR"
        assert exchange.answer["errors"]
    else:
        assert exchange.status in (403, 405, 429, 500)
        assert exchange.answer is None


@pytest.fixture
async def tours(local: LocalWorld) -> AsyncIterator[GetYourGuideSupplier]:
    supplier = GetYourGuideSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    offer = live_offers(
        local.world, city="Rome", date=in_days(30), adults=2, currency="EUR", count=1
    )[0]
    return component(offer, ItemType.ACTIVITY, "getyourguide")


def test_the_checker_can_fail() -> None:
    schema = body_schema(paths()["/{version}/carts"]["post"]["responses"][200])
    good = {"data": {"shopping_cart_hash": "C", "status": "open", "bookings": []}}
    assert problems(schema, good) == []
    assert problems(schema, {"data": {"status": "dreamt"}})
    assert problems(schema, {"data": {"shopping_cart_hash": 1}})
    assert problems(schema, {"data": {"invented": 1}})
    assert problems(schema, {"data": {"bookings": [{"bookable": {"invented": 1}}]}})
    request = body_schema(paths()["/{version}/bookings"]["post"]["requestBody"])
    assert problems(request, {"data": {"booking": {"bookable": {"option_id": 1}}}})
    assert problems(request, {"base_data": {"currency": "JPY"}})


async def test_the_whole_way(
    local: LocalWorld, tours: GetYourGuideSupplier, item: TripComponent, party: Party
) -> None:
    quote = await tours.quote(item, party)
    held = await tours.book(item, quote, party, str(uuid.uuid4()))
    await tours.look(held)
    done = await tours.complete(held, quote, party, "key")
    await tours.look(done)
    await tours.cancel_quote(done)
    await tours.cancel(done, "key")
    await tours.look(done)
    released = await tours.book(item, quote, party, str(uuid.uuid4()))
    await tours.cancel(released, "key")

    start = Start(
        tour_like(77_777, MANUAL, "Rome"),
        dt.datetime.fromisoformat(item.offer["datetime"]),
        2,
        "EUR",
    )
    manual = component(offer_of(start), ItemType.ACTIVITY, "getyourguide")
    quote = await tours.quote(manual, party)
    held = await tours.book(manual, quote, party, str(uuid.uuid4()))
    pending = await tours.complete(held, quote, party, "key")
    await tours.look(pending)
    await tours.cancel(pending, "key")
    for exchange in local.recorder.exchanges:
        assert_published(exchange)
    seen = {(e.method, operation(e)["operationId"]) for e in local.recorder.exchanges}
    assert {name for _, name in seen} == {
        "ToursByIdQuery",
        "ToursByIdOptions",
        "tours-by-id-availability",
        "tours-by-id-price-breakdown",
        "BookingsCreate",
        "BookingsGetByHash",
        "bookingsDeleteByHash",
        "CartsConfirm",
        "CartsGetByHash",
    }


@pytest.mark.parametrize("kind", ["refuse", "error", "price_drift", "duplicate"])
@pytest.mark.parametrize("name", ["quote", "book", "complete", "find", "cancel"])
async def test_faulty_answers_are_published_ones_too(
    local: LocalWorld,
    tours: GetYourGuideSupplier,
    item: TripComponent,
    party: Party,
    name: str,
    kind: str,
) -> None:
    fault = local.world.faults.arm("getyourguide", name, kind)
    for _ in range(2):
        try:
            quote = await tours.quote(item, party)
            held = await tours.book(item, quote, party, str(uuid.uuid4()))
            done = await tours.complete(held, quote, party, "key")
            await tours.look(done)
            await tours.cancel(done, "key")
        except ProviderError:
            continue
    assert fault.fired == 1
    for exchange in local.recorder.exchanges:
        assert_published(exchange)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/tours/1", None, {}, 401),
        ("POST", "/bookings", {}, {"X-ACCESS-TOKEN": "invalid"}, 401),
        ("GET", "/tours/1", None, HEADERS, 404),
        ("GET", "/tours/x/options", None, HEADERS, 404),
        ("GET", "/bookings/B", None, HEADERS, 404),
        ("DELETE", "/bookings/B", None, HEADERS, 404),
        ("GET", "/carts/C", None, HEADERS, 404),
        ("POST", "/tours/1/price-breakdown", {"data": {}}, HEADERS, 400),
        ("POST", "/bookings", {"base_data": {"currency": "JPY"}}, HEADERS, 400),
        ("POST", "/bookings", [], HEADERS, 400),
        ("POST", "/carts", {}, HEADERS, 400),
    ],
)
async def test_plain_refusals(
    local: LocalWorld, method: str, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    async with httpx.AsyncClient(base_url=f"{local.url}/getyourguide/1") as http:
        query = SHOWN if method != "POST" else None
        answer = await http.request(method, path, json=body, headers=headers, params=query)
    assert answer.status_code == status, answer.text
    (exchange,) = local.recorder.exchanges
    schema = body_schema(operation(exchange)["responses"]["4XX"])
    assert problems(schema, answer.json()) == []
    assert answer.json()["errors"][0]["errorMessage"]


@pytest.mark.parametrize("path", ["/tours/1", "/tours/1/availability", "/bookings/B", "/carts/C"])
async def test_what_has_a_price_needs_language_and_currency(local: LocalWorld, path: str) -> None:
    base = f"{local.url}/getyourguide/1"
    async with httpx.AsyncClient(base_url=base, headers=HEADERS) as http:
        answer = await http.get(path)
    assert answer.status_code == 400
    assert "Missing parameter" in answer.json()["errors"][0]["errorMessage"]
