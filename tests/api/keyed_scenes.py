"""For every keyed route: a request, what it does, and how often it was done."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.conftest import body
from tests.api.test_webhooks_operators import Tables
from tests.marketplace.shop import IN, Shop, day
from tests.reservations.test_api import wanted
from tests.support.stack import Stack
from tests.support.users import sign_in
from tests.trips.modifying.changes import FREE
from tests.trips.saga.test_cancel_confirmed import set_terms


@dataclass
class Scene:
    """Who may ask, and where to look."""

    planner: httpx.AsyncClient
    operator: httpx.AsyncClient
    rival: httpx.AsyncClient
    """Another one of the role that the route is for."""
    tables: Tables
    stack: Stack | None = None

    @property
    def world(self) -> Stack:
        assert self.stack is not None
        return self.stack


@dataclass
class Sent:
    """A request, not sent yet."""

    who: httpx.AsyncClient
    path: str
    json: dict[str, Any] | None
    done: int
    """The status of its answer."""
    effects: Callable[[], Awaitable[int]]
    """How often it was done."""
    theirs: set[int]
    """What another caller may be told that sends it with the same key."""
    other: dict[str, Any] | None = None
    """Another body that would be accepted as well."""
    alike: tuple[str, ...] = ("success", "bookingId", "bookingReference", "state")
    """What answers that are rebuilt tell alike."""
    method: str = "POST"

    async def send(self, **headers: str) -> httpx.Response:
        sent: dict[str, Any] = {} if self.json is None else {"json": self.json}
        return await self.who.request(self.method, self.path, headers=headers, **sent)


def counted(tables: Tables, query: str, *values: object) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        [(number,)] = tables(query, *values)
        return int(number)

    return count


# -- what the database alone does --------------------------------------------------------------


async def resolve_case(scene: Scene) -> Sent:
    number = scene.tables.case()
    query = "SELECT count(*) FROM cases WHERE id = %s AND resolved_by IS NOT NULL"
    return Sent(
        who=scene.operator,
        path=f"/operator/cases/{number}/resolve",
        json={"note": "Settled by phone."},
        done=200,
        effects=counted(scene.tables, query, number),
        theirs={409},
        other={"note": "Settled by letter."},
    )


async def retry_event(scene: Scene) -> Sent:
    number = scene.tables.event()
    query = "SELECT count(*) FROM webhook_events WHERE id = %s AND status = 'received'"
    return Sent(
        who=scene.operator,
        path=f"/operator/webhooks/{number}/retry",
        json=None,
        done=200,
        effects=counted(scene.tables, query, number),
        theirs={409},
    )


async def add_rule(scene: Scene) -> Sent:
    [(known,)] = scene.tables("SELECT count(*) FROM commission_rules")
    rule = {"supplier": "viator", "provider": f"Provider {known}", "basisPoints": 700}
    query = "SELECT count(*) FROM commission_rules WHERE provider = %s"
    return Sent(
        who=scene.operator,
        path="/operator/ledger/commission-rules",
        json=rule,
        done=201,
        effects=counted(scene.tables, query, rule["provider"]),
        theirs={200},
        other={**rule, "basisPoints": 800},
    )


async def _endpoint(scene: Scene) -> str:
    url = f"https://{uuid.uuid4()}.example/hooks"
    made = await scene.operator.post("/api/v1/webhook-endpoints", json={"url": url})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def delete_endpoint(scene: Scene) -> Sent:
    number = await _endpoint(scene)
    query = "SELECT 1 - count(*) FROM webhook_endpoints WHERE id = %s"
    return Sent(
        who=scene.operator,
        path=f"/api/v1/webhook-endpoints/{number}",
        json=None,
        done=204,
        effects=counted(scene.tables, query, number),
        theirs={404},
        method="DELETE",
    )


async def rotate_secret(scene: Scene) -> Sent:
    number = await _endpoint(scene)
    query = "SELECT secret_generation - 1 FROM webhook_endpoints WHERE id = %s"
    return Sent(
        who=scene.operator,
        path=f"/api/v1/webhook-endpoints/{number}/rotate-secret",
        json=None,
        done=200,
        effects=counted(scene.tables, query, number),
        theirs={404},
        alike=("id", "secret"),
    )


# -- what providers make -----------------------------------------------------------------------


def _provider(scene: Scene, kind: str, status: str = "NOT_STARTED") -> str:
    """A provider of a user who asks in a session, and whose rival is another user."""
    user, other = sign_in(scene.tables.url), sign_in(scene.tables.url)
    for who, signed_in in ((scene.planner, user), (scene.rival, other)):
        who.headers.pop("X-API-Key", None)
        who.headers.update(signed_in.bearer)
    [(made,)] = scene.tables(
        "INSERT INTO provider_profiles (id, user_id, provider_type, display_name,"
        " verification_status, version, submitted_at)"
        " VALUES (gen_random_uuid(), %s, %s, '', %s, 3, now()) RETURNING id::text",
        *(user.id, kind, status),
    )
    scene.tables("INSERT INTO provider_members VALUES (%s, %s, 'OWNER')", made, user.id)
    return str(made)


async def review_provider(scene: Scene) -> Sent:
    [(provider,)] = scene.tables(
        "INSERT INTO provider_profiles (id, user_id, provider_type, display_name,"
        " verification_status, version, submitted_at) VALUES (gen_random_uuid(),"
        " gen_random_uuid(), 'TOUR_OPERATOR', '', 'SUBMITTED', 3, now()) RETURNING id::text"
    )
    query = "SELECT count(*) FROM provider_history WHERE provider_id = %s"
    decision = {"decision": "START", "reason": "next", "expected_version": 3}
    return Sent(
        who=scene.operator,
        path=f"/market/v1/providers/{provider}/review",
        json=decision,
        done=200,
        effects=counted(scene.tables, query, provider),
        theirs={409},
        other={**decision, "reason": "another one"},
    )


def _made(scene: Scene, path: str, what: str, body: dict[str, Any], of: str, which: str) -> Sent:
    return Sent(
        who=scene.planner,
        path=f"/market/v1/{path}",
        json=body,
        done=201,
        effects=counted(scene.tables, f"SELECT count(*) FROM {what} WHERE {of} = %s", which),
        theirs={404},
        other={**body, "title" if "title" in body else "name": "Another one"},
    )


async def create_listing(scene: Scene) -> Sent:
    provider = _provider(scene, "HOTEL_MANAGER")
    listing = {"provider_id": provider, "title": "Casa Azul", "currency": "EUR"}
    return _made(scene, "listings", "listings", listing, "provider_id", provider)


async def _made_before(sent: Sent) -> str:
    made = await sent.send()
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def create_room(scene: Scene) -> Sent:
    listing = await _made_before(await create_listing(scene))
    room = {"name": "Double", "room_type": "double", "adults_max": 2, "base_price": 9000}
    room |= {"units_default": 3}
    return _made(scene, f"listings/{listing}/rooms", "rooms", room, "listing_id", listing)


_TERMS = [{"kept": {"basis_points": 10_000}}]


async def create_plan(scene: Scene) -> Sent:
    room = await _made_before(await create_room(scene))
    plan = {"name": "Flexible", "terms": _TERMS, "no_show": {"nights": 1}}
    return _made(scene, f"rooms/{room}/rate-plans", "rate_plans", plan, "room_id", room)


async def create_package(scene: Scene) -> Sent:
    sent = await create_room(scene)
    room, listing = await _made_before(sent), sent.path.split("/")[4]
    package = {
        "listing_id": listing,
        "title": "A week",
        "template": "week",
        "nights": 7,
        "availability_rule": "FLEXIBLE",
        "price_per_person": 50_000,
        "terms": _TERMS,
        "rooms": [{"room_id": room}],
    }
    return _made(scene, "packages", "hotel_packages", package, "listing_id", listing)


async def create_tour(scene: Scene) -> Sent:
    provider = _provider(scene, "TOUR_OPERATOR")
    tour = {
        "provider_id": provider,
        "title": "Old town",
        "days": 1,
        "max_seats": 8,
        "price": 4_000,
        "currency": "EUR",
        "terms": _TERMS,
        "itinerary": [{"day": 1, "title": "Alfama"}],
    }
    return _made(scene, "tours", "tour_packages", tour, "provider_id", provider)


# -- what travellers buy -----------------------------------------------------------------------


def _travelers(scene: Scene) -> None:
    """Have users ask in a session, the rival as well."""
    for who in (scene.planner, scene.rival):
        who.headers.pop("X-API-Key", None)
        who.headers.update(sign_in(scene.tables.url).bearer)


async def quote(scene: Scene) -> Sent:
    _travelers(scene)
    shop = Shop(scene.tables.url)
    listing, room, _ = shop.add_stay()
    await shop.engine.dispose()
    asked = {
        "product_type": "STAY",
        "product_id": listing,
        "check_in": f"{IN}",
        "check_out": f"{day(2)}",
        "rooms": [{"room_id": room, "adults": 2}],
        "currency": "EUR",
    }
    return Sent(
        who=scene.planner,
        path="/market/v1/quotes",
        json=asked,
        done=201,
        effects=counted(scene.tables, "SELECT count(*) FROM quotes WHERE product_id = %s", listing),
        theirs={201},
        other={**asked, "check_out": f"{day(3)}"},
        alike=("id", "price", "snapshot_sha256", "expires_at"),
    )


async def hold(scene: Scene) -> Sent:
    quoted = await _made_before(await quote(scene))
    asked = {
        "travelers": [{"first_name": "Ada", "last_name": "Okafor"}],
        "contact": {"email": "ada@example.com"},
    }
    query = "SELECT count(*) FROM stock_claims JOIN quotes q USING (booking_id) WHERE q.id = %s"
    return Sent(
        who=scene.planner,
        path=f"/market/v1/quotes/{quoted}/hold",
        json=asked,
        done=201,
        effects=counted(scene.tables, query, quoted),
        theirs={404},
        other={**asked, "requests": "a quiet room"},
    )


async def pay(scene: Scene) -> Sent:
    return await _paying(scene, "pm_card_visa")


async def _paying(scene: Scene, card: str) -> Sent:
    held = await _made_before(await hold(scene))
    query = "SELECT count(*) FROM attempts WHERE booking_id = %s AND operation = 'confirm'"
    return Sent(
        who=scene.planner,
        path=f"/market/v1/bookings/{held}/pay",
        json={"payment_method_id": card},
        done=200,
        effects=counted(scene.tables, query, held),
        theirs={404},
        other={"payment_method_id": "pm_card_mastercard"},
    )


async def use_card_for_stay(scene: Scene) -> Sent:
    sent = await _paying(scene, "pm_card_visa_chargeDeclined")
    refused = await sent.send()
    assert refused.status_code == 202, refused.text
    query = "SELECT count(*) - 1 FROM attempts WHERE booking_id = %s AND operation = 'confirm'"
    booking = refused.json()["id"]
    sent.path = f"/market/v1/bookings/{booking}/payment-method"
    sent.json = {"payment_method_id": "pm_card_mastercard"}
    sent.other = {"payment_method_id": "pm_card_visa"}
    sent.effects = counted(scene.tables, query, booking)
    return sent


async def cancel_stay(scene: Scene) -> Sent:
    held = await _made_before(await hold(scene))
    query = "SELECT count(*) FROM booking_history WHERE booking_id = %s AND to_state = 'CANCELLED'"
    return Sent(
        who=scene.planner,
        path=f"/market/v1/bookings/{held}/cancel",
        json={"reason": "ill"},
        done=200,
        effects=counted(scene.tables, query, held),
        theirs={404},
        other={"reason": "another one"},
    )


ALONE = {
    ("POST", "/market/v1/quotes"): quote,
    ("POST", "/market/v1/quotes/{quote_id}/hold"): hold,
    ("DELETE", "/api/v1/webhook-endpoints/{endpoint_id}"): delete_endpoint,
    ("POST", "/api/v1/webhook-endpoints/{endpoint_id}/rotate-secret"): rotate_secret,
    ("POST", "/operator/cases/{caseId}/resolve"): resolve_case,
    ("POST", "/operator/webhooks/{webhookId}/retry"): retry_event,
    ("POST", "/operator/ledger/commission-rules"): add_rule,
    ("POST", "/market/v1/providers/{provider_id}/review"): review_provider,
    ("POST", "/market/v1/listings"): create_listing,
    ("POST", "/market/v1/listings/{listing_id}/rooms"): create_room,
    ("POST", "/market/v1/rooms/{room_id}/rate-plans"): create_plan,
    ("POST", "/market/v1/packages"): create_package,
    ("POST", "/market/v1/tours"): create_tour,
}


# -- what workflows do -------------------------------------------------------------------------


async def _booked(scene: Scene, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    trip = await scene.world.sandbox.trip()
    answer = await scene.planner.post("/booking/book?wait=60", json=body(trip, **changes))
    assert answer.status_code in {200, 202}, answer.text
    return answer.json(), trip


async def book(scene: Scene) -> Sent:
    trip = await scene.world.sandbox.trip()
    asked = body(trip)
    query = "SELECT count(*) FROM bookings WHERE trip_option_id = %s"
    return Sent(
        who=scene.planner,
        path="/booking/book",
        json=asked,
        done=200,
        effects=counted(scene.tables, query, trip["tripOptionId"]),
        theirs={200},  # a failed booking of a trip that is taken
        other=body(trip, userContact={"email": "eva@example.com", "phone": "+12125550123"}),
    )


async def modify(scene: Scene) -> Sent:
    booking, trip = await _booked(scene)
    for number in range(1, 5):
        set_terms(scene.world, booking["bookingId"], number, FREE)
    path = f"/booking/{booking['bookingId']}/modify"
    dropped = next(c["componentId"] for c in trip["components"] if c["type"] == "ACTIVITY")
    asked = {"changes": {"drop": [dropped]}}
    quote = (await scene.planner.post(path, json=asked)).json()["quote"]
    accepted = {**asked, "acceptedTotal": quote["newTotal"]}
    query = "SELECT count(*) FROM booking_changes WHERE booking_id = %s"
    return Sent(
        who=scene.planner,
        path=path,
        json=accepted,
        done=200,
        effects=counted(scene.tables, query, booking["bookingId"]),
        theirs={404},
        other={**accepted, "acceptedTotal": quote["newTotal"] + 1},
    )


async def use_card(scene: Scene) -> Sent:
    booking, _ = await _booked(scene, method="pm_card_visa_chargeDeclined")
    query = """SELECT count(*) - 1 FROM attempts
        WHERE booking_id = %s AND operation = 'confirm'"""
    return Sent(
        who=scene.planner,
        path=f"/booking/{booking['bookingId']}/payment-method",
        json={"paymentMethodId": "pm_card_mastercard"},
        done=200,
        effects=counted(scene.tables, query, booking["bookingId"]),
        theirs={404},
        other={"paymentMethodId": "pm_card_visa"},
    )


async def refund(scene: Scene) -> Sent:
    booking, _ = await _booked(scene)
    payload = {"amount": 2500, "currency": "USD", "reason": "The tour began late."}

    async def refunds() -> int:
        whole = (await scene.planner.get(f"/booking/{booking['bookingId']}")).json()
        return len(whole["payment"]["refunds"])

    return Sent(
        who=scene.operator,
        path=f"/booking/{booking['bookingId']}/refund",
        json=payload,
        done=200,
        effects=refunds,
        theirs={200},
        other={**payload, "amount": 100},
    )


async def resolve(scene: Scene) -> Sent:
    sandbox = scene.world.sandbox
    await sandbox.arm("amadeus", "cancel", "refuse", rate=1.0)
    await sandbox.arm("booking_com", "book", "refuse", nth=1)
    failed, _ = await _booked(scene)
    await sandbox.clear()
    (case,) = failed["cases"]
    decision = {"caseId": case["caseId"], "decision": "resolved", "note": "Cancelled by phone."}
    query = "SELECT count(*) FROM booking_requests WHERE booking_id = %s AND kind = 'RESOLVE'"
    return Sent(
        who=scene.operator,
        path=f"/booking/{failed['bookingId']}/resolve",
        json=decision,
        done=200,
        effects=counted(scene.tables, query, failed["bookingId"]),
        theirs={409},
        other={**decision, "note": "Cancelled by letter."},
    )


async def reserve(scene: Scene) -> Sent:
    asked = wanted()
    query = "SELECT count(*) FROM reservations WHERE guest_id = %s"
    return Sent(
        who=scene.planner,
        path="/api/v1/bookings",
        json=asked,
        done=201,
        effects=counted(scene.tables, query, asked["guest"]["id"]),
        theirs={201},
        other={**asked, "party_size": 1},
        alike=("id", "booking_reference", "status"),
    )


async def _reserved(scene: Scene) -> str:
    made = await scene.planner.post("/api/v1/bookings", json=wanted())
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def cancel_reservation(scene: Scene) -> Sent:
    number = await _reserved(scene)
    query = "SELECT count(*) FROM booking_requests WHERE booking_id = %s AND kind = 'CANCEL'"
    return Sent(
        who=scene.planner,
        path=f"/api/v1/bookings/{number}/cancel",
        json={"reason": "ill"},
        done=200,
        effects=counted(scene.tables, query, number),
        theirs={404},
        other={"reason": "late"},
    )


async def move_reservation(scene: Scene) -> Sent:
    sent = await cancel_reservation(scene)
    sent.path = sent.path.replace("/cancel", "/status")
    sent.json = {"status": "CANCELLED", "reason": "closed"}
    sent.other = {"status": "CANCELLED", "reason": "a party"}
    return sent


async def change_reservation(scene: Scene) -> Sent:
    number = await _reserved(scene)
    [(version,)] = scene.tables("SELECT version FROM bookings WHERE id = %s", number)
    asked = {"expected_version": version, "notes": "window, please"}
    query = "SELECT version - %s FROM bookings WHERE id = %s"
    return Sent(
        who=scene.planner,
        path=f"/api/v1/bookings/{number}",
        json=asked,
        done=200,
        effects=counted(scene.tables, query, version, number),
        theirs={404},
        other={**asked, "notes": "by the door"},
        method="PUT",
    )


async def pay_reservation(scene: Scene) -> Sent:
    asked = wanted("chefs-table", payment={"payment_method_id": "pm_card_visa_chargeDeclined"})
    made = await scene.planner.post("/api/v1/bookings", json=asked)
    assert made.status_code == 202, made.text
    query = """SELECT count(*) - 1 FROM attempts
        WHERE booking_id = %s AND operation = 'confirm'"""
    return Sent(
        who=scene.planner,
        path=f"/api/v1/bookings/{made.json()['id']}/payment-method",
        json={"payment_method_id": "pm_card_mastercard"},
        done=200,
        effects=counted(scene.tables, query, made.json()["id"]),
        theirs={404},
        other={"payment_method_id": "pm_card_visa"},
    )


WITH_WORKFLOWS = {
    ("POST", "/market/v1/bookings/{booking_id}/pay"): pay,
    ("POST", "/market/v1/bookings/{booking_id}/payment-method"): use_card_for_stay,
    ("POST", "/market/v1/bookings/{booking_id}/cancel"): cancel_stay,
    ("PUT", "/api/v1/bookings/{booking_id}"): change_reservation,
    ("POST", "/api/v1/bookings"): reserve,
    ("POST", "/api/v1/bookings/{booking_id}/cancel"): cancel_reservation,
    ("POST", "/api/v1/bookings/{booking_id}/payment-method"): pay_reservation,
    ("POST", "/api/v1/bookings/{booking_id}/status"): move_reservation,
    ("POST", "/booking/book"): book,
    ("POST", "/booking/{bookingId}/modify"): modify,
    ("POST", "/booking/{bookingId}/payment-method"): use_card,
    ("POST", "/booking/{bookingId}/refund"): refund,
    ("POST", "/booking/{bookingId}/resolve"): resolve,
}
