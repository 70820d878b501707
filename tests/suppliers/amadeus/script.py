"""Amadeus' published shapes, and how each of its answers ends (providers.md §2)."""

import copy
from typing import Any

from models.core.errors import (
    AuthConfig,
    Declined,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation
from models.core.terms import CancellationTerms
from sandbox import amadeus
from sandbox.amadeus.offers import recognise
from sandbox.amadeus.pricing import answer_body, priced
from sandbox.world import World
from suppliers.amadeus import AmadeusSupplier
from tests.suppliers.conftest import Reply, component, in_days, party_of
from tests.suppliers.scripts import Endpoint, Script, rows

REFERENCE = "5b0a9f0e-1c7d-4a3c-9a70-3d5f2f0f9b11-1-1"
TOKEN = Reply(200, {"access_token": "t", "expires_in": 1799})
ID = "eJz%2Fid%3D"
"""Percent-encoded as it comes, and so in every path."""
PRICING, ORDERS = "include=detailed-fare-rules", "/flight-orders"
ORDER = f"{ORDERS}/{ID}"
SHOWN = f"{ORDER}?"
"""The SDK ends the path of a GET like this."""
PARTY = party_of()

Json = dict[str, Any]


def error(status: int, code: int | str | None, **headers: str) -> Reply:
    issue: Json = {"status": status, "title": "SAID SO"}
    if code is not None:
        issue["code"] = code
    return Reply(status, {"errors": [issue]}, headers)


def errors(status: int, *codes: int | str | None) -> list[Reply]:
    return [error(status, code) for code in codes]


ITEM = component(
    amadeus.live_offer(
        World(),
        origin="BOS",
        destination="BCN",
        depart=in_days(40),
        return_=in_days(47),
        adults=2,
        currency="USD",
    ),
    ItemType.FLIGHT,
    "amadeus",
)


def pricing() -> Json:
    """The answer of Flight Offers Price to our item."""
    offer = recognise(ITEM.offer)
    assert offer is not None
    return answer_body(offer, priced(offer, "1"), fare_rules=True)


QUOTE = Quote(
    price=ITEM.money,
    terms=CancellationTerms.free(),
    title="BOS–BCN",
    offer={
        "flight_offer": pricing()["data"]["flightOffers"][0],
        "provider": "x",
        "requirements": {},
    },
)


def ordered() -> Json:
    return {
        "data": {
            "type": "flight-order",
            "id": ID,
            "associatedRecords": [{"reference": "PNR123"}],
            "flightOffers": [copy.deepcopy(QUOTE.offer["flight_offer"])],
            "travelers": [
                {"id": "1", "name": {"firstName": "ANA", "lastName": "ROE"}},
                {"id": "2", "name": {"firstName": "BO", "lastName": "ROE"}},
            ],
            "remarks": {"general": [{"subType": "X", "text": f"TRIP {REFERENCE}".upper()}]},
        }
    }


def flown(*statuses: str | None) -> Json:
    """Our order as it is shown, with what the airline says of each flight, the last repeated."""
    body = ordered()
    segments: list[Json] = [
        segment
        for way in body["data"]["flightOffers"][0]["itineraries"]
        for segment in way["segments"]
    ]
    for number, segment in enumerate(segments):
        segment["bookingStatus"] = statuses[min(number, len(statuses) - 1)]
    return body


RESERVATION = Reservation(
    reference=REFERENCE,
    supplier_id=ID,
    confirmation_code="PNR123",
    pnr="PNR123",
    provider="Delta Air Lines",
    price=Money(amount=1, currency="USD"),
    details={"held_until": "2031-01-01T00:00:00", "kept": "yes"},
)


def other(**change: Any) -> Reply:
    """An order with other data."""
    body = ordered()
    body["data"] |= change
    return Reply(200, body)


CODES = (
    *rows(PriceChanged, *errors(400, 37200)),
    *rows(Unavailable, *errors(400, 34651, 38034, 34107)),
    *rows(InvalidRequest, *errors(400, 477, 2781, 2668, 4926, 32171, 99999, None)),
    *rows(Declined, *errors(400, 1304, 34733)),
)
NO_ANSWER = (
    error(500, 38189),
    error(400, 38189),
    Reply(503, b"<html>"),
    Reply(200, {}),
    Reply(202, {}),
    Reply(408, {}),
    Reply(200, b"{" + b" " * (5 * 1024 * 1024)),
)
NO_PATH = Reply(404, {"detail": "no such path"})
NO_ENDPOINT = Reply(
    404,
    {
        "errors": [
            {
                "code": 38196,
                "title": "Resource not found",
                "detail": "The targeted resource doesn't exist",
                "status": 404,
            }
        ]
    },
)
"""What a wrong or closed host says of everything."""
NOT_FOUND = error(404, 1797)

SCRIPT = Script(
    make=AmadeusSupplier,
    base="",
    replies={
        "/oauth2/token": TOKEN,
        PRICING: Reply(200, pricing()),
        ORDERS: Reply(201, ordered()),
        ORDER: Reply(204),
        SHOWN: Reply(200, ordered()),
    },
    everywhere=(
        *rows(AuthConfig, *errors(401, 38190, 38191, 38192, 38193, 39683, 39686), Reply(403, {})),
        # Of the gateway, codes come as strings, too.
        *rows(AuthConfig, *errors(401, "38190", "38192"), NO_ENDPOINT, error(404, "38196")),
        *rows(Retryable, *errors(429, 38194, 38195), Reply(429, {})),
    ),
    # Not JSON and 4xx: a request that only reads has gone to a wrong address.
    not_common=frozenset({400}),
    endpoints=(
        Endpoint(
            "quote",
            PRICING,
            lambda flights: flights.quote(ITEM, PARTY),
            (
                *CODES,
                *rows(AuthConfig, NO_PATH, Reply(400, b"<html>")),
                *rows(Retryable, *NO_ANSWER),
            ),
            most=2,  # an expired token is renewed, and the call repeated once
        ),
        Endpoint(
            "book",
            ORDERS,
            lambda flights: flights.book(ITEM, QUOTE, PARTY, REFERENCE),
            (
                *CODES,
                *rows(UnknownOutcome, *errors(400, 36870, 9112), Reply(400, b"<html>"), NO_PATH),
                *rows(UnknownOutcome, *NO_ANSWER),
                *rows(Retryable, error(429, 38194, **{"Retry-After": "7"})),
            ),
            changes=True,
            most=2,
        ),
        Endpoint(
            "cancel",
            ORDER,
            lambda flights: flights.cancel(RESERVATION, "key"),
            (
                *rows(NotCancellable, *errors(400, 4926, 36870)),
                # Not found when it is to be deleted, and shown all the same: for a person.
                *rows(NotCancellable, NOT_FOUND, error(404, "1797")),
                *rows(AuthConfig, error(404, None)),
                *rows(UnknownOutcome, NO_PATH, Reply(400, {}), error(500, 38189)),
                *rows(UnknownOutcome, Reply(200, {}), Reply(202, {}), Reply(408, {})),
            ),
            changes=True,
            most=2,
        ),
        *(
            Endpoint(
                "find",
                SHOWN,
                call,
                (
                    *rows(Retryable, error(500, 38189), Reply(200, {"data": {}})),
                    *rows(InvalidRequest, error(400, 477)),
                    *rows(AuthConfig, Reply(404, b"<html>"), NOT_FOUND, error(404, None)),
                    *rows(Retryable, other(id="other"), other(flightOffers=[])),
                ),
                most=2,
            )
            for call in (
                lambda flights: flights.look(RESERVATION),
                lambda flights: flights.cancel_quote(RESERVATION),
            )
        ),
    ),
)
