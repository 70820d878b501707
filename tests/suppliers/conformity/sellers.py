"""What the conformance suite must know of each supplier; all else is the same for all of them."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.supply import ItemType, TripComponent
from sandbox import amadeus, booking_com, duffel, getyourguide, ratehawk, viator
from sandbox.booking_com.catalogue import property_of
from sandbox.booking_com.catalogue import rooms_for as booking_rooms
from sandbox.booking_com.ledger import Stay as BookingStay
from sandbox.getyourguide.catalogue import SCARCE, tour_like
from sandbox.getyourguide.ledger import Start
from sandbox.getyourguide.offers import offer_of as tour_offer
from sandbox.ratehawk.catalogue import LAST_ROOM, hotel_of, rooms_for
from sandbox.ratehawk.catalogue import Stay as RateHawkStay
from sandbox.ratehawk.offers import offer_of as rate_offer
from sandbox.viator.catalogue import product_of, retail_price
from sandbox.world import World
from settings import Settings
from suppliers.amadeus import AmadeusSupplier
from suppliers.booking_com import BookingComSupplier
from suppliers.core.protocol import Supplier
from suppliers.duffel import DuffelSupplier
from suppliers.getyourguide import GetYourGuideSupplier
from suppliers.ratehawk import RateHawkSupplier
from suppliers.registry import ADAPTERS
from suppliers.viator import ViatorSupplier
from tests.suppliers.conftest import component, in_days

Ends = Mapping[str, type[ProviderError] | None]
"""The error that each kind of fault ends in; None: it does no harm."""

_UNKNOWN: Ends = dict.fromkeys(
    (
        "error",
        "reset",
        "hang",
        "commit_then_hang",
        "late_commit",
        "commit_then_error",
        "malformed",
    ),
    UnknownOutcome,
)
READ: Ends = dict.fromkeys(("refuse", "error", "reset", "hang", "malformed"), Retryable)
QUOTE: Ends = {**READ, "refuse": Unavailable, "slow": None}
BOOK: Ends = {
    **_UNKNOWN,
    "refuse": Unavailable,
    "duplicate": Duplicate,
    "price_drift": PriceChanged,
}
BEFORE: Ends = {
    **dict.fromkeys(_UNKNOWN, Retryable),
    "refuse": Unavailable,
    "duplicate": None,
    "price_drift": PriceChanged,
}
"""On the step before the one that books: nothing is booked by it."""
COMPLETE: Ends = {
    **_UNKNOWN,
    "refuse": Unavailable,
    "duplicate": None,
    "price_drift": PriceChanged,
}
CANCEL: Ends = {**_UNKNOWN, "refuse": NotCancellable, "duplicate": None}


@dataclass(frozen=True)
class Seller:
    """A supplier, as it differs from the others."""

    name: str
    make: Callable[[Settings], Supplier]
    offer: Callable[[World, int], TripComponent]
    """Something to book, so many days from now."""
    variant: str = ""
    quotes_in: int = 1
    """How many requests of a quote faults can be armed for."""
    finds_in: int = 1
    looks_in: int = 1
    books_at: int = 1
    """Which of the requests of ``book`` is the one that books."""
    before: tuple[str, int] | None = None
    """The operation and number of the request before that one, where faults know it."""
    book: Ends = field(default_factory=lambda: BOOK)
    complete: Ends = field(default_factory=lambda: COMPLETE)
    again: type[ProviderError] | None = Duplicate
    """What booking twice under one reference ends in; None: in the same reservation."""
    again_after_refusal: bool = False
    """A refused booking can be made under the same reference after all."""
    fee: int | None = 0
    """What cancelling costs forty days before, minor units; None: it is not told."""
    phone: bool = True
    """It does not book without a phone number."""
    scarce: Callable[[World], TripComponent] | None = None
    """Something of which only ``places`` can be sold."""
    places: int = 1
    claims: tuple[tuple[dict[str, Any], type[ProviderError]], ...] = ()
    """Offers that are not what they claim: what is changed, and what quoting them ends in."""

    def __str__(self) -> str:
        return self.name + self.variant


def _flight(module: Any, supplier: str, **where: Any) -> Callable[[World, int], TripComponent]:
    def offer(world: World, days: int) -> TripComponent:
        places = {"origin": "JFK", "destination": "CDG", **where}
        leaves, back = in_days(days), in_days(days + 4)
        found = module.live_offer(
            world, depart=leaves, return_=back, adults=2, currency="USD", **places
        )
        found.pop("landed", None)
        return component(found, ItemType.FLIGHT, supplier)

    return offer


def _stay(module: Any, supplier: str) -> Callable[[World, int], TripComponent]:
    def offer(world: World, days: int) -> TripComponent:
        nights = {"checkin": in_days(days), "checkout": in_days(days + 3)}
        found = module.live_offer(world, city="Lisbon", adults=2, currency="USD", **nights)
        return component(found, ItemType.HOTEL, supplier)

    return offer


def _outing(module: Any, supplier: str) -> Callable[[World, int], TripComponent]:
    def offer(world: World, days: int) -> TripComponent:
        found = module.live_offers(
            world, city="New York", date=in_days(days), adults=2, currency="USD", count=1
        )
        return component(found[0], ItemType.ACTIVITY, supplier)

    return offer


def _last_room(world: World) -> TripComponent:
    hotel = property_of(3427703)
    assert hotel is not None
    stay = BookingStay(hotel, booking_rooms(2)[0], in_days(40), in_days(43), 2, "USD")
    item = _stay(booking_com, "booking_com")(world, 40)
    offer = {"accommodation": hotel.id, "name": hotel.name, "product": stay.product}
    return item.model_copy(update={"price": stay.price, "offer": {**item.offer, **offer}})


def _last_rate(world: World) -> TripComponent:
    hotel = hotel_of(LAST_ROOM)
    assert hotel is not None
    stay = RateHawkStay(hotel, rooms_for(2)[0], in_days(40), in_days(43), 2, (), "USD")
    return component(rate_offer(world, stay), ItemType.HOTEL, "ratehawk")


def _last_places_at_viator(world: World) -> TripComponent:
    item, product = _outing(viator, "viator")(world, 40), product_of("77777P500")
    assert product is not None
    offer = {**item.offer, "productCode": "77777P500", "title": product.title}
    price = retail_price(product, 2, "USD")
    return item.model_copy(update={"offer": offer, "price": price})


def _last_places_at_getyourguide(world: World) -> TripComponent:
    starts = dt.datetime.fromisoformat(
        _outing(getyourguide, "getyourguide")(world, 40).offer["datetime"]
    )
    start = Start(tour_like(77_777, SCARCE, "New York"), starts, 2, "USD")
    return component(tour_offer(start), ItemType.ACTIVITY, "getyourguide")


SELLERS: tuple[Seller, ...] = (
    Seller(
        "amadeus",
        AmadeusSupplier,
        _flight(amadeus, "amadeus", destination="LIS"),
        book={**BOOK, "duplicate": None},
        fee=None,
        phone=False,
        claims=(
            ({"type": "hotel-offer"}, InvalidRequest),
            ({"id": 1}, InvalidRequest),
            ({"itineraries": []}, InvalidRequest),
        ),
    ),
    Seller("duffel", DuffelSupplier, _flight(duffel, "duffel"), fee=4_400, phone=False),
    Seller(
        "duffel",
        DuffelSupplier,
        _flight(duffel, "duffel", destination="MAD"),
        variant=", paid at once",
        phone=False,
        claims=tuple(
            ({name: value}, InvalidRequest)
            for name, value in (
                ("id", ""),
                ("id", 7),
                ("slices", []),
                ("passengers", []),
                ("total_amount", 12.5),
                ("expires_at", "soon"),
                ("payment_requirements", None),
                ("total_currency", "EUR"),
            )
        ),
    ),
    Seller(
        "booking_com",
        BookingComSupplier,
        _stay(booking_com, "booking_com"),
        quotes_in=2,
        finds_in=2,
        again_after_refusal=True,
        scarce=_last_room,
        claims=(
            ({"name": "Another Hotel"}, Unavailable),
            ({"accommodation": 10}, Unavailable),
            ({"product": "10_1"}, Unavailable),
            ({"adults": 3}, InvalidRequest),
            ({"currency": "EUR"}, InvalidRequest),
            ({"checkout": "2020-01-01"}, InvalidRequest),
            ({"checkin": "2020-01-01"}, InvalidRequest),
            ({"accommodation": None}, InvalidRequest),
        ),
    ),
    Seller(
        "ratehawk",
        RateHawkSupplier,
        _stay(ratehawk, "ratehawk"),
        quotes_in=2,
        finds_in=1,  # the second, order/info, decides nothing
        looks_in=2,
        books_at=2,
        before=("book", 1),
        book={**BOOK, "duplicate": None, "price_drift": Unavailable},
        scarce=_last_rate,
        claims=(
            ({"name": "Another Hotel"}, Unavailable),
            ({"hid": 10}, Unavailable),
            ({"room": "Broom cupboard"}, Unavailable),
            ({"free_cancellation_before": "2999-01-01T00:00:00Z"}, Unavailable),
            ({"adults": 3}, InvalidRequest),
            ({"children": [4]}, InvalidRequest),
            ({"currency": "EUR"}, InvalidRequest),
            ({"checkout": "2020-01-01"}, InvalidRequest),
            ({"checkin": "2020-01-01"}, InvalidRequest),
            ({"hid": "x"}, InvalidRequest),
            ({"book_hash": ""}, InvalidRequest),
            ({"residency": "US"}, InvalidRequest),
        ),
    ),
    Seller(
        "viator",
        ViatorSupplier,
        _outing(viator, "viator"),
        before=("quote", 1),
        book={**BOOK, "duplicate": None, "price_drift": Unavailable},
        again=None,
        again_after_refusal=True,
        scarce=_last_places_at_viator,
        places=2,
        claims=(
            ({"title": "Another Tour"}, Unavailable),
            ({"productCode": "none"}, Unavailable),
            ({"productOptionCode": "TG9"}, Unavailable),
            ({"startTime": "04:00"}, Unavailable),
            ({"travelDate": "2020-01-01"}, Unavailable),
            ({"currency": "EUR"}, InvalidRequest),
            ({"paxMix": [{"ageBand": "ADULT", "numberOfTravelers": 3}]}, InvalidRequest),
            ({"paxMix": []}, InvalidRequest),
            ({"productCode": None}, InvalidRequest),
        ),
    ),
    Seller(
        "getyourguide",
        GetYourGuideSupplier,
        _outing(getyourguide, "getyourguide"),
        looks_in=2,
        book={**BOOK, "duplicate": None},
        complete={**COMPLETE, "price_drift": Unavailable},
        again_after_refusal=True,
        scarce=_last_places_at_getyourguide,
        places=2,
        claims=(
            ({"title": "Another Tour"}, Unavailable),
            ({"tour_id": 1}, Unavailable),
            ({"option_id": 1}, Unavailable),
            ({"datetime": "2020-01-01T10:00:00"}, InvalidRequest),
            ({"currency": "EUR"}, InvalidRequest),
            ({"participants": {"adult": 3}}, InvalidRequest),
            ({"participants": {"adult": 3, "child": -1}}, InvalidRequest),
            ({"participants": {"senior": 2}}, InvalidRequest),
            ({"participants": {}}, InvalidRequest),
            ({"datetime": "2031-01-01T10:00:00Z"}, InvalidRequest),
            ({"tour_id": None}, InvalidRequest),
        ),
    ),
)

assert {seller.name for seller in SELLERS} == set(ADAPTERS), "every supplier takes part"
