"""What providers offer, over HTTP: from a draft to nights and departures for sale."""

import uuid
from typing import Any

import pytest

from tests.api.marketplace.conftest import Market, User

TERMS = [{"hours_before": 48, "kept": {"basis_points": 0}}, {"kept": {"nights": 1}}]
LISTING: dict[str, Any] = {
    "title": "Casa Azul",
    "about": "Six rooms.\nOne courtyard.",
    "address": "Rua do Sol 1",
    "city": "São Brás",
    "country": "PT",
    "lat": 37.15,
    "lon": -7.88,
    "time_zone": "Europe/Lisbon",
    "check_in_from": "15:00",
    "check_out_until": "11:00",
    "amenities": ["wifi"],
    "currency": "EUR",
    "taxes": [{"name": "City tax", "kind": "PER_ADULT_NIGHT", "amount": 200}],
}
ROOM = {
    "name": "Double",
    "room_type": "double",
    "adults_max": 2,
    "beds": [{"kind": "QUEEN", "count": 1}],
    "base_price": 9_000,
    "units_default": 2,
}
PLAN = {"name": "Flexible", "terms": TERMS, "no_show": {"basis_points": 10_000}}
TOUR: dict[str, Any] = {
    "title": "Old town",
    "city": "Lisboa",
    "country": "PT",
    "time_zone": "Europe/Lisbon",
    "start_time": "09:30",
    "days": 1,
    "max_seats": 10,
    "price": 4_000,
    "currency": "EUR",
    "terms": TERMS,
}
JUNE = {"from": "2031-06-01", "to": "2031-06-08"}


async def _listing(market: Market, user: User) -> tuple[str, str, str]:
    """An approved provider, its listing and a room."""
    provider = await market.provider(user)
    await market.approve(provider)
    listing = await user.post("listings", 201, provider_id=provider, **LISTING)
    room = await user.post(f"listings/{listing['id']}/rooms", 201, **ROOM)
    return provider, listing["id"], room["id"]


async def _tour(market: Market, user: User) -> str:
    provider = await market.provider(user, "TOUR_OPERATOR")
    await market.approve(provider)
    return str((await user.post("tours", 201, provider_id=provider, **TOUR))["id"])


async def test_a_listing_from_its_draft_on(market: Market) -> None:
    user = await market.user()
    provider, listing, room = await _listing(market, user)
    refused = await user.post(f"listings/{listing}/publish", 409)
    assert refused["code"] == "LISTING_INCOMPLETE"
    assert refused["details"] == {"missing": ["rate_plans"]}
    plan = await user.post(f"rooms/{room}/rate-plans", 201, **PLAN)
    assert plan["price_rule"]["basis_points"] == 10_000
    published = await user.post(f"listings/{listing}/publish")
    assert (published["status"], published["version"]) == ("PUBLISHED", 2)
    told = await user.get(f"listings/{listing}")
    assert [one["id"] for one in told["rooms"][0]["rate_plans"]] == [plan["id"]]
    assert {name: told[name] for name in LISTING if name != "taxes"} == {
        name: value for name, value in LISTING.items() if name != "taxes"
    }
    for number in range(2):
        draft = {"provider_id": provider, "title": f"Draft {number}", "currency": "EUR"}
        await user.post("listings", 201, **draft)
    first = await user.get(f"providers/{provider}/listings", limit=2)
    second = await user.get(f"providers/{provider}/listings", limit=2, cursor=first["next_cursor"])
    titles = [one["title"] for page in (first, second) for one in page["listings"]]
    assert titles == ["Draft 1", "Draft 0", "Casa Azul"]
    assert second["next_cursor"] is None
    drafts = await user.get(f"providers/{provider}/listings", status="DRAFT")
    assert len(drafts["listings"]) == 2
    assert (await user.post(f"listings/{listing}/pause"))["paused_by"] == "PROVIDER"
    assert (await user.post(f"listings/{listing}/archive"))["status"] == "ARCHIVED"
    refused = await user.post(f"listings/{listing}/publish", 409)
    assert refused["code"] == "STATE_CONFLICT"


async def test_nights_of_a_room(market: Market) -> None:
    user = await market.user()
    _, listing, room = await _listing(market, user)
    where = f"rooms/{room}/inventory"
    assert await user.call("PUT", where, json=JUNE) == {"nights": 7, "created": 7, "changed": 0}
    weekend = {**JUNE, "weekdays": [5, 6], "price": 12_000, "closed_to_departure": True}
    told = await user.call("PUT", where, json=weekend)
    assert told == {"nights": 2, "created": 0, "changed": 2}
    nights = (await user.get(where, **JUNE))["nights"]
    assert [one["price"] for one in nights] == [*[9_000] * 5, 12_000, 12_000]
    assert {one["units"] for one in nights} == {2}
    await market.house.execute(
        "UPDATE inventory_nights SET sold = 2 WHERE room_id = :r AND night = '2031-06-03'", r=room
    )
    refused = await user.call("PUT", where, status=409, json={**JUNE, "units": 1})
    assert refused["code"] == "BELOW_SOLD"
    assert refused["details"] == {"nights": [{"night": "2031-06-03", "sold": 2, "held": 0}]}
    refused = await user.patch(f"listings/{listing}", 409, expected_version=1, currency="USD")
    assert (refused["code"], refused["field"]) == ("FIELD_FIXED", "currency")


async def test_a_package(market: Market) -> None:
    user = await market.user()
    provider, listing, room = await _listing(market, user)
    await user.post(f"rooms/{room}/rate-plans", 201, **PLAN)
    package = await user.post(
        "packages",
        201,
        listing_id=listing,
        title="Summer week",
        template="week",
        nights=7,
        availability_rule="SEASONAL",
        season={"from": "2031-06-01", "to": "2031-09-01"},
        price_per_person=50_000,
        terms=TERMS,
        rooms=[{"room_id": room, "units": 1}],
    )
    assert package["season"] == {"from": "2031-06-01", "to": "2031-09-01"}
    assert (package["currency"], package["rooms"]) == ("EUR", [{"room_id": room, "units": 1}])
    where = f"packages/{package['id']}"
    refused = await user.post(f"{where}/publish", 409)
    assert refused["code"] == "OFFER_INCOMPLETE"
    assert refused["details"] == {"missing": ["published_listing"]}
    await user.post(f"listings/{listing}/publish")
    assert (await user.post(f"{where}/publish"))["status"] == "PUBLISHED"
    change: dict[str, Any] = {
        "expected_version": 2,
        "availability_rule": "WEEKEND_ONLY",
        "season": None,
    }
    told = await user.patch(where, nights=2, weekdays=[5], **change)
    assert (told["availability_rule"], told["season"], told["version"]) == ("WEEKEND_ONLY", None, 3)
    refused = await user.patch(where, 422, expected_version=3, weekdays=[1])
    assert (refused["code"], refused["field"]) == ("OFFER_REFUSED", "weekdays")
    assert (await user.get(where))["version"] == 3
    listed = await user.get(f"providers/{provider}/packages")
    assert [one["id"] for one in listed["packages"]] == [package["id"]]


async def test_a_tour_and_its_departures(market: Market) -> None:
    user = await market.user()
    tour = await _tour(market, user)
    days = [{"day": 1, "title": "Alfama", "about": "By foot.\nSlowly."}]
    pickups = [{"name": "Rossio", "minutes_before": 15}]
    told = await user.patch(f"tours/{tour}", expected_version=1, itinerary=days, pickups=pickups)
    assert told["itinerary"] == days
    assert told["pickups"][0]["name"] == "Rossio"
    assert (await user.post(f"tours/{tour}/publish"))["status"] == "PUBLISHED"
    march = {"from": "2031-03-29", "to": "2031-03-31"}
    refused = await user.post(f"tours/{tour}/departures", 422, start_time="01:30", **march)
    assert refused["code"] == "TIME_DOES_NOT_EXIST"
    assert refused["details"]["next"] == {"date": "2031-03-30", "time": "02:00"}
    made = await user.post(f"tours/{tour}/departures", **march)
    assert made == {"asked": 2, "created": 2}
    first, second = (await user.get(f"tours/{tour}/schedule", **march))["departures"]
    assert [one["starts_at"] for one in (first, second)] == [
        "2031-03-29T09:30:00Z",
        "2031-03-30T08:30:00Z",
    ]
    where = f"tours/{tour}/departures/{first['id']}"
    told = await user.patch(where, expected_version=1, seats=4, price=3_000, status="CLOSED")
    assert (told["seats"], told["price"], told["status"]) == (4, 3_000, "CLOSED")
    for _ in range(2):
        told = await user.post(f"{where}/cancel", reason="storm\nwarning")
        assert told["status"] == "CANCELLED"
    refused = await user.patch(where, 409, expected_version=3, status="OPEN")
    assert refused["code"] == "STATE_CONFLICT"


async def test_versions(market: Market) -> None:
    user = await market.user()
    _, listing, room = await _listing(market, user)
    where = f"listings/{listing}"
    path = f"/market/v1/{where}"
    seen = await user.http.get(path)
    tag = seen.headers["etag"]
    again = await user.http.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert (await user.patch(where, 428, title="A"))["code"] == "VERSION_REQUIRED"
    told = await user.http.patch(path, json={"title": "A"}, headers={"If-Match": tag})
    assert (told.status_code, told.headers["etag"].startswith('"2-')) == (200, True)
    stale = await user.http.patch(path, json={"title": "B"}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["details"]) == (412, {"current_version": 2})
    same = await user.http.patch(path, json={"title": "A"}, headers={"If-Match": tag})
    assert same.status_code == 200, "what is so already is no conflict"
    refused = await user.patch(where, 409, title="B", expected_version=1)
    assert refused["code"] == "VERSION_CONFLICT"
    for wrong in ({"If-Match": '"1"'}, {"If-Match": "so"}):
        both = await user.http.patch(
            path, json={"title": "B", "expected_version": 2}, headers=wrong
        )
        assert both.json()["code"] == "OFFER_REFUSED"
    moved = await user.http.post(f"{path}/archive", headers={"If-Match": tag})
    assert moved.status_code == 412
    refused = await user.patch(f"rooms/{room}", 409, expected_version=7, base_price=1)
    assert refused["code"] == "VERSION_CONFLICT"
    plan = await user.post(f"rooms/{room}/rate-plans", 201, **PLAN)
    plans = f"rate-plans/{plan['id']}"
    assert (await user.patch(plans, expected_version=1, max_stay=3))["max_stay"] == 3
    refused = await user.patch(plans, 422, expected_version=2, min_stay=4)
    assert (refused["code"], refused["field"]) == ("OFFER_REFUSED", "max_stay")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"time_zone": "Europe/Nowhere"}, "OFFER_REFUSED", "time_zone"),
        ({"taxes": [{"name": "T", "kind": "SHARE", "amount": 1}]}, "OFFER_REFUSED", "taxes[0]"),
        ({"country": "pt"}, "INVALID_REQUEST", "country"),
        ({"currency": "XXY"}, "INVALID_REQUEST", "currency"),
        ({"lat": 91}, "INVALID_REQUEST", "lat"),
        ({"amenities": ["WiFi!"]}, "INVALID_REQUEST", "amenities[0]"),
        ({"check_in_from": "25:00"}, "INVALID_REQUEST", "check_in_from"),
        ({"title": None}, "INVALID_REQUEST", "title"),
        ({"title": "x" * 201}, "INVALID_REQUEST", "title"),
        ({"about": "Pay with 4242 4242 4242 4242"}, "CARD_NUMBER_REFUSED", "about"),
        ({"title": "two\nlines"}, "INVALID_REQUEST", "title"),
        ({"unknown": 1}, "INVALID_REQUEST", "unknown"),
    ],
)
async def test_listings_are_checked(
    market: Market, changes: dict[str, Any], code: str, field: str
) -> None:
    user = await market.user()
    provider = await market.provider(user)
    body = {"provider_id": provider, "title": "Casa", "currency": "EUR", **changes}
    refused = await user.post("listings", 422, **body)
    assert (refused["code"], refused["field"]) == (code, field)


async def test_terms_are_checked(market: Market) -> None:
    user = await market.user()
    _, _, room = await _listing(market, user)
    for terms, field in (
        ([{"kept": {"nights": 1, "amount": 5}}], "terms[0].kept"),
        ([{"hours_before": 5, "kept": {"nights": 1}}], "terms"),
        ([{"kept": {"nights": 1}}, {"kept": {"nights": 1}}], "terms"),
    ):
        refused = await user.post(f"rooms/{room}/rate-plans", 422, **{**PLAN, "terms": terms})
        assert (refused["code"], refused["field"]) == ("OFFER_REFUSED", field)


async def test_a_repeat_finds_what_was_made(market: Market) -> None:
    user = await market.user()
    provider = await market.provider(user)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"provider_id": provider, "title": "Casa", "currency": "EUR"}
    made = [
        await user.call("POST", "listings", status=201, json=body, headers=key) for _ in range(2)
    ]
    assert made[0] == made[1]
    assert len((await user.get(f"providers/{provider}/listings"))["listings"]) == 1
