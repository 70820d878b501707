"""docs/trip-planner.openapi.yaml against what we send and read, and what the sandbox answers."""

import itertools
import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel

from localworld.places import ROOT
from models.core.errors import AuthConfig, InvalidRequest, Unavailable
from models.trips.option import TripOption
from suppliers.amadeus.messages import FlightOffer
from suppliers.booking_com.requests import Stay as BookingComStay
from suppliers.duffel.responses import Offer as DuffelOffer
from suppliers.getyourguide.requests import Outing as GetYourGuideOuting
from suppliers.planner import TripPlanner
from suppliers.ratehawk.requests import Stay as RateHawkStay
from suppliers.registry import ADAPTERS
from suppliers.viator.requests import Outing as ViatorOuting
from tests.suppliers.conftest import Exchange, LocalWorld

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs/trip-planner.openapi.yaml").read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
READERS: dict[str, type[BaseModel]] = {
    "amadeus": FlightOffer,
    "duffel": DuffelOffer,
    "booking_com": BookingComStay,
    "ratehawk": RateHawkStay,
    "viator": ViatorOuting,
    "getyourguide": GetYourGuideOuting,
}
"""What reads each supplier's offer."""
WHERE_THERE_ARE_SOME = {"productOptionCode", "startTime"}
KEY = "planner-key-4711"


def resolved(node: Any) -> Any:
    """The part of the document that a reference names."""
    while "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def problems(schema: Mapping[str, Any], value: Any) -> list[str]:
    validator = Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=FormatChecker()
    )
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def check(exchange: Exchange) -> None:
    """An exchange is as documented: its path, method, body, status and answer."""
    lock = exchange.path.endswith("/lock")
    path = "/trip-options/{tripOptionId}" + ("/lock" if lock else "")
    operation = DOCUMENT["paths"][path][exchange.method.lower()]
    if lock and exchange.status not in (401, 404):  # then it has not been read
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert problems(body, exchange.body) == []
    elif not lock:
        assert exchange.body is None
    answer = resolved(operation["responses"][str(exchange.status)])
    assert problems(answer["content"]["application/json"]["schema"], exchange.answer) == []


def pruned(schema: Mapping[str, Any], value: Any) -> Any:
    """What of a value the document insists on."""
    schema = resolved(schema)
    if isinstance(value, list):
        return [pruned(schema["items"], one) for one in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    kept = {*schema.get("required", ()), *WHERE_THERE_ARE_SOME}
    return {
        name: pruned(schema["properties"][name], inner)
        for name, inner in value.items()
        if name in kept
    }


async def generated(http: httpx.AsyncClient, **suppliers: str) -> dict[str, Any]:
    answer = await http.post("/trip/generate", json={"suppliers": suppliers})
    assert answer.status_code == 201
    trip: dict[str, Any] = answer.json()
    return trip


@pytest.fixture
async def trips(local: LocalWorld) -> list[dict[str, Any]]:
    """Trips with all suppliers."""
    async with httpx.AsyncClient(base_url=local.url) as http:
        return [
            await generated(http, flight="amadeus", hotel="booking_com", activity="viator"),
            await generated(http, flight="duffel", hotel="ratehawk", activity="getyourguide"),
        ]


def test_the_document_knows_every_supplier() -> None:
    mapping = SCHEMAS["Component"]["discriminator"]["mapping"]
    assert set(mapping) == set(READERS) == set(ADAPTERS)
    assert [one["$ref"] for one in SCHEMAS["Component"]["oneOf"]] == [*mapping.values()]


async def test_every_exchange_is_as_documented(
    local: LocalWorld, trips: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    local.world.planner_key = KEY
    planner = TripPlanner(local.settings(trip_planner_api_key=KEY))
    stranger = TripPlanner(local.settings(trip_planner_api_key="another"))
    nameless = TripPlanner(local.settings())
    mine, others = str(uuid.uuid4()), str(uuid.uuid4())
    try:
        for trip in trips:
            assert await planner.get(trip["tripOptionId"]) == TripOption.model_validate(trip)
        option = trips[0]["tripOptionId"]
        for client in (stranger, nameless):
            with pytest.raises(AuthConfig) as refused:
                await client.get(option)
            assert KEY not in str(refused.value)
            with pytest.raises(AuthConfig):
                await client.lock(option, "BOOKED", mine)
        assert await planner.get("none") is None
        await planner.lock(option, "LOCKED", mine)
        await planner.lock(option, "BOOKED", mine)
        with pytest.raises(Unavailable):
            await planner.lock(option, "BOOKED", others)
        with pytest.raises(InvalidRequest):
            await planner.lock("none", "BOOKED", mine)
        await planner.lock(option, "OPEN", mine)
    finally:
        for client in (planner, stranger, nameless):
            await client.close()
    exchanges = [one for one in local.recorder.exchanges if "/trip-options/" in one.path]
    assert {one.status for one in exchanges} == {200, 401, 404, 409}
    for exchange in exchanges:
        check(exchange)
    sent = [one.headers.get("authorization") for one in exchanges]
    assert sent.count(f"Bearer {KEY}") == len(sent) - 4
    assert sent.count(None) == 2
    told = json.dumps([exchange.answer for exchange in exchanges])
    assert KEY not in told + caplog.text + json.dumps(local.world.log.rows())


async def test_what_the_document_insists_on_is_enough(trips: list[dict[str, Any]]) -> None:
    read = set()
    for trip in trips:
        least = pruned(SCHEMAS["TripOption"], trip)
        least["components"] = [pruned(SCHEMAS["AnyComponent"], one) for one in trip["components"]]
        for component in least["components"]:
            schema = SCHEMAS["Component"]["discriminator"]["mapping"][component["supplier"]]
            offer = resolved({"$ref": schema})["allOf"][1]["properties"]["offer"]
            component["offer"] = pruned(offer, component["offer"])
            READERS[component["supplier"]].model_validate_json(json.dumps(component["offer"]))
            read.add(component["supplier"])
        assert problems(SCHEMAS["TripOption"], least) == []
        TripOption.model_validate_json(json.dumps(least))
    assert read == set(READERS)


async def test_an_offer_of_another_supplier_is_none(trips: list[dict[str, Any]]) -> None:
    ours = [one for trip in trips for one in trip["components"]]
    offers = {one["supplier"]: one for one in ours}
    for one, other in itertools.permutations(READERS, 2):
        swapped = {**offers[one], "offer": offers[other]["offer"]}
        assert problems(SCHEMAS["Component"], swapped), f"{one} with an offer of {other}"
