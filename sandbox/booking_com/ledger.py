"""What this sandbox remembers: previews by token, sold room nights, and drifting prices."""

import datetime as dt
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from sandbox.amounts import in_currency, major, raised
from sandbox.booking_com.catalogue import (
    SPARSE,
    Property,
    Room,
    cancellation_policy,
    city_tax,
    fee_steps,
    nights,
    pair,
    prices,
    product_id,
    property_of,
    room_of,
    stay_price,
)
from sandbox.world import ReservationRecord, World

SUPPLIER: Final = "booking_com"
TOKEN_LIFE: Final = dt.timedelta(minutes=15)
"""How long an order token can be used (the "orders-faqs" guide)."""


@dataclass(frozen=True)
class Stay:
    """What is previewed and booked: a room for some nights, at a price."""

    hotel: Property
    room: Room
    checkin: dt.date
    checkout: dt.date
    adults: int
    currency: str
    children: tuple[int, ...] = ()
    """Their ages."""

    @property
    def due(self) -> int:
        """What is paid at the property, in euro cents."""
        return city_tax(self.hotel, self.checkin, self.checkout, self.adults)

    @property
    def product(self) -> str:
        """The product's id."""
        return product_id(self.hotel, self.room)

    @property
    def price(self) -> int:
        """The list price, in minor units of ``currency``."""
        return in_currency(
            stay_price(self.hotel, self.room, self.checkin, self.checkout), self.currency
        )


@dataclass
class Preview:
    """A previewed order: what its token stands for."""

    stay: Stay
    price: int
    issued: dt.datetime


@dataclass
class Ledger:
    """The mutable part. Orders themselves are the world's reservations."""

    world: World
    cancellable_after: float = 0.0
    """Seconds after its creation until which cancelling an order is answered 403."""
    previews: dict[str, Preview] = field(default_factory=dict)
    _sold: Counter[tuple[str, str]] | None = None
    _orders: dict[str, str] = field(default_factory=dict)
    """Order ids by the token that made them."""
    _drifting: set[tuple[str, dt.date]] = field(default_factory=set)

    # -- stock ------------------------------------------------------------------------------

    def left(self, stay: Stay) -> int:
        """Return how many rooms of this kind are left in the fullest night of the stay."""
        sold = self._sales()
        return stay.hotel.units - max(
            sold[stay.product, night.isoformat()] for night in nights(stay.checkin, stay.checkout)
        )

    def _sales(self) -> Counter[tuple[str, str]]:
        # Counted from the orders at first use, so that it survives a restart as they do.
        if self._sold is None:
            self._sold = Counter()
            for record in self.world.reservations.all(SUPPLIER):
                self._orders[record.data["order_token"]] = record.id
                if record.live:
                    self._count(record, 1)
        return self._sold

    def _count(self, record: ReservationRecord, units: int) -> None:
        assert self._sold is not None
        stay = record.data["stay"]
        for night in nights(*map(dt.date.fromisoformat, (stay["checkin"], stay["checkout"]))):
            self._sold[stay["product"], night.isoformat()] += units

    # -- prices -----------------------------------------------------------------------------

    def drift(self, stay: Stay) -> None:
        """Let the prices of this stay be 10 % up until it has been previewed once."""
        self._drifting.add((stay.product, stay.checkin))

    def price(self, stay: Stay) -> int:
        """Return the price now."""
        drifting = (stay.product, stay.checkin) in self._drifting
        return raised(stay.price) if drifting else stay.price

    def policies(self, stay: Stay, price: int) -> dict[str, Any]:
        """Return a product's ``policies`` at a price, as of now."""
        cancellation = cancellation_policy(
            stay.hotel.policy, stay.checkin, price, stay.currency, self.world.now()
        )
        timings = ["pay_online_now"]
        if cancellation["type"] != "non_refundable":
            timings.append("pay_online_later")
        return {"cancellation": cancellation, "payment": {"timings": timings}}

    # -- orders -----------------------------------------------------------------------------

    def preview(self, stay: Stay) -> tuple[str, Preview]:
        """Price a stay and return it with a fresh order token."""
        now = self.world.now()
        if len(self.previews) > 10_000:
            self.previews = {
                token: preview
                for token, preview in self.previews.items()
                if now - preview.issued < TOKEN_LIFE
            }
        token = secrets.token_urlsafe(48)
        preview = self.previews[token] = Preview(stay, self.price(stay), now)
        self._drifting.discard((stay.product, stay.checkin))
        return token, preview

    def order_of(self, token: str) -> ReservationRecord | None:
        """Return the order that has used up this token, or None."""
        self._sales()
        order = self._orders.get(token)
        return None if order is None else self.world.reservations.get(SUPPLIER, order)

    def book(self, token: str, preview: Preview, body: dict[str, Any]) -> ReservationRecord:
        """Make the order; the room must have been found free in the same turn of the loop."""
        stay = preview.stay
        number = 4_000_000_000 + secrets.randbelow(900_000_000)
        while self.world.reservations.get(SUPPLIER, str(number)) is not None:
            number += 1
        self._sales()
        record = ReservationRecord(
            supplier=SUPPLIER,
            id=str(number),
            reference=body["accommodation"].get("label"),
            status="booked",
            live=True,
            price=preview.price,
            currency=stay.currency,
            data={
                "order_token": token,
                "reservation": number + 7,
                "pincode": f"{secrets.randbelow(10_000):04d}",
                "created": self.world.now().isoformat(),
                "updated": self.world.now().isoformat(),
                "booker": body["booker"],
                "guests": body["accommodation"]["products"][0]["guests"],
                "stay": {
                    "accommodation": stay.hotel.id,
                    "product": stay.product,
                    "checkin": stay.checkin.isoformat(),
                    "checkout": stay.checkout.isoformat(),
                    "adults": stay.adults,
                    "children": [*stay.children],
                    "due": stay.due,
                },
                "cancelled": None,
            },
        )
        self.world.reservations.add(record)
        self._orders[token] = record.id
        self._count(record, 1)
        return record

    def cancel(self, record: ReservationRecord) -> None:
        """Cancel an order at the fee of the moment."""
        self._sales()
        now = self.world.now()
        record.data["cancelled"] = {"at": now.isoformat(), "fee": self.fee(record, now)}
        record.data["updated"] = now.isoformat()
        record.status, record.live = "cancelled", False
        self._count(record, -1)

    def fee(self, record: ReservationRecord, now: dt.datetime) -> int:
        """Return what a cancellation at ``now`` costs, in minor units of the order's currency."""
        hotel, _, checkin = self.stay_of(record)
        return fee_steps(hotel.policy, checkin, record.price, now)[0][1]

    def stay_of(self, record: ReservationRecord) -> tuple[Property, Room, dt.date]:
        """Return what an order is for: property, room and check-in."""
        stay = record.data["stay"]
        hotel = property_of(stay["accommodation"])
        assert hotel is not None
        room = room_of(hotel, stay["product"])
        assert room is not None
        return hotel, room, dt.date.fromisoformat(stay["checkin"])

    # -- how orders look --------------------------------------------------------------------

    def summary(self, record: ReservationRecord, currency: str) -> dict[str, Any]:
        """Return an order as ``/orders/details`` lists it, priced in the currency asked for."""
        hotel, _, _ = self.stay_of(record)
        stay = record.data["stay"]
        asked = round(
            record.price
            * in_currency(1_000_000, currency)
            / in_currency(1_000_000, record.currency)
        )
        return {
            "id": record.id,
            "accommodations": {
                "reservation": record.data["reservation"],
                "name": hotel.name,
                "number_of_guests": stay["adults"] + len(stay.get("children", [])),
            },
            "booker": record.data["booker"],
            "created": record.data["created"],
            "updated": record.data["updated"],
            "currencies": {"booker": currency, "product": "EUR"},
            "label": record.reference,
            "price": {"total_price": {"booker_currency": major(asked, currency)}},
            "start": stay["checkin"],
            "end": stay["checkout"],
            "status": record.status,
        }

    def detail(self, record: ReservationRecord) -> dict[str, Any]:
        """Return an order as ``/orders/details/accommodations`` shows it."""
        hotel, room, checkin = self.stay_of(record)
        stay, cancelled = record.data["stay"], record.data["cancelled"]
        created = dt.datetime.fromisoformat(record.data["created"])
        price = prices(record.price, stay.get("due", 0), record.currency)
        shown = {
            "id": record.id,
            "accommodation": hotel.id,
            "accommodation_details": {"name": hotel.name},
            "booker": record.data["booker"],
            "cancellation_details": cancelled
            and {"at": cancelled["at"], "fee": pair(cancelled["fee"], record.currency)},
            "checkin": stay["checkin"],
            "checkout": stay["checkout"],
            "created": record.data["created"],
            "currency": {"booker": record.currency, "accommodation": "EUR"},
            "label": record.reference,
            "pincode": record.data["pincode"],
            "price": {"total": price["total"]},
            "products": [
                {
                    "id": stay["product"],
                    "allocation": {
                        "adults": stay["adults"],
                        "children": stay.get("children", []),
                        "guests": stay["adults"] + len(stay.get("children", [])),
                    },
                    "guests": record.data["guests"],
                    "policies": {
                        "cancellation": [
                            {
                                "from": (start or created).isoformat(),
                                "price": pair(fee, record.currency),
                            }
                            for start, fee in fee_steps(
                                hotel.policy, checkin, record.price, created
                            )
                        ]
                    },
                    "price": price,
                    "room": room.key,
                    "room_details": {"name": room.name},
                    "status": record.status,
                }
            ],
            "reservation": record.data["reservation"],
            "status": record.status,
            "updated": record.data["updated"],
        }
        return shown | _SPARSE if hotel.id == SPARSE else shown


_SPARSE: Final[dict[str, Any]] = {
    "accommodation_details": None,
    "cancellation_details": None,
    "pincode": None,
    "price": None,
    "products": [{"policies": None, "price": None}],
    "reservation": None,
}


_LEDGERS: WeakKeyDictionary[World, Ledger] = WeakKeyDictionary()


def ledger_of(world: World) -> Ledger:
    """Return the one ledger of a world."""
    if world not in _LEDGERS:
        _LEDGERS[world] = Ledger(world)
    return _LEDGERS[world]
