"""Both OpenAPI documents and the page, against what we ask and what the sandbox answers."""

import copy
import json
import re
from typing import Any

import httpx
import pytest

from localworld.places import ROOT
from models.core.errors import InvalidRequest, ProviderError
from sandbox.venues.catalogue import VENUES
from suppliers.venue import errors
from tests.suppliers.conftest import Exchange, expect
from tests.suppliers.venue.conftest import (
    DOCUMENTS,
    GUEST,
    TUESDAY,
    Desk,
    check_exchange,
    wish,
)

PAGE = (ROOT / "docs" / "inventory-and-pricing.md").read_text()


async def exchanged(desk: Desk) -> list[Exchange]:
    """One reservation's exchanges, its refusals among them."""
    seen = len(desk.local.recorder.exchanges)
    slot, quote, made = await desk.booked()
    await desk.supplier.estimate(desk.wish)
    later, price = await desk.quoted(desk.later, excluding=desk.reference)
    await desk.supplier.change(made, later, price, GUEST, "key")
    await desk.supplier.look(made)
    await desk.supplier.cancel(made, "key")
    await expect(InvalidRequest, desk.supplier.quote(wish("nowhere"), GUEST))
    for reference in (desk.reference, f"{desk.reference}-2"):
        late = slot.model_copy(update={"resource_id": "room-1", "party_size": 4})
        with pytest.raises(ProviderError):
            await desk.supplier.book(late, quote, GUEST, reference)
    return desk.local.recorder.exchanges[seen:]


async def test_every_exchange_is_as_documented(desk: Desk) -> None:
    exchanges = await exchanged(desk)
    for exchange in exchanges:
        check_exchange(exchange)
    paths = {f"/{exchange.path.split('/', 2)[2]}" for exchange in exchanges}
    assert paths == {path for one in DOCUMENTS.values() for path in one["paths"]}
    assert {200, 201, 404, 409} <= {exchange.status for exchange in exchanges}


@pytest.mark.parametrize(
    ("end", "place", "value"),
    [
        ("/reserve", "slot.time_zone", 7),
        ("/reserve", "status", "perhaps"),
        ("/check-availability", "reason", "because"),
        ("/check-availability", "slot.starts_at", "soon"),
        ("/calculate", "total", 1.5),
        ("/release", "already", None),
    ],
)
async def test_what_is_not_as_documented_is_seen(
    desk: Desk, end: str, place: str, value: Any
) -> None:
    exchanges = [one for one in await exchanged(desk) if one.path.endswith(end)]
    planted = copy.deepcopy(next(one for one in exchanges if one.status in (200, 201)))
    *ways, last = place.split(".")
    node = planted.answer
    for way in ways:
        node = node[way]
    node[last] = value
    with pytest.raises(AssertionError):
        check_exchange(planted)
    unasked = copy.deepcopy(exchanges[0])
    unasked.body["more"] = 1
    with pytest.raises(AssertionError):
        check_exchange(unasked)


def test_both_documents_mean_the_same_slot() -> None:
    inventory, pricing = (one["components"]["schemas"] for one in DOCUMENTS.values())
    shared = set(inventory) & set(pricing)
    assert {"Slot", "AskedSlot", "Venue", "Error"} <= shared
    assert {name: inventory[name] for name in shared} == {name: pricing[name] for name in shared}


def test_every_code_is_on_the_page_and_in_the_document() -> None:
    table = PAGE.partition("## Errors")[2].partition("##")[0]
    named = set(re.findall(r"^\| `([a-z_]+)` \|", table, flags=re.MULTILINE))
    known = [getattr(errors, name) for name in dir(errors) if name.isupper()]
    codes = {one for one in known if isinstance(one, str)}
    assert named == codes | errors.NOT_TO_BE_HAD | set(errors._FIELDS)
    document = DOCUMENTS["inventory"]
    text = str(document["components"]["responses"])
    assert all(f"`{code}`" in text for code in named)
    reasons = set(document["components"]["schemas"]["Reason"]["enum"])
    assert reasons == errors.NOT_TO_BE_HAD - {errors.REFERENCE_RELEASED}


def test_every_venue_and_route_is_on_the_page() -> None:
    table = PAGE.partition("## The sandbox's venues")[2]
    rows = re.findall(r"^\| `(\S+)` \| (\w+) \| (\S+) \|", table, flags=re.MULTILINE)
    assert set(rows) == {(one.id, one.type, one.time_zone) for one in VENUES.values()}
    routes = set(re.findall(r"^\| `POST (\S+)` \|", PAGE, flags=re.MULTILINE))
    assert routes == {path for one in DOCUMENTS.values() for path in one["paths"]}


async def test_the_page_s_example_is_answered(desk: Desk) -> None:
    asked = re.search(r"-d '(\{.*?\})'\n", PAGE, flags=re.DOTALL)
    assert asked is not None
    body = json.loads(asked[1])
    body["slot"]["date"] = TUESDAY.isoformat()  # the example's day will have passed
    path = re.search(r"SANDBOX(/inventory_service\S+)", PAGE)
    assert path is not None
    async with httpx.AsyncClient(base_url=desk.local.url) as http:
        answer = await http.post(path[1], json=body)
    found = answer.json()
    assert (found["available"], found["slot"]["time_zone"]) == (True, "Europe/Berlin")
