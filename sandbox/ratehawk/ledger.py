"""What this sandbox remembers: rates by hash, forms, orders, sold nights, chosen outcomes."""

import datetime as dt
import re
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from sandbox.amounts import raised
from sandbox.effects import NO_ANSWER
from sandbox.ratehawk.catalogue import INCREASES, Stay, fee_at, stay_of
from sandbox.ratehawk.outcomes import Outcomes
from sandbox.ratehawk.webhooks import tell
from sandbox.world import ReservationRecord, World

SUPPLIER: Final = "ratehawk"
HOTELPAGE_LIFE: Final = dt.timedelta(hours=24)
"""How long an ``h-…`` hash can be used (providers.md §3)."""
PREBOOK_LIFE: Final = dt.timedelta(minutes=60)
"""How long a ``p-…`` hash can be used (†)."""
FORM_LIFE: Final = dt.timedelta(minutes=60)


@dataclass
class Pace:
    """How long things take, in seconds; settable while the sandbox runs."""

    decides_after: float = 0.5
    """From ``finish`` to the final status; ``unknown_…`` outcomes take twice as long."""
    cut_off: float = 20.0
    """What is not decided by then has failed with ``book_limit``."""
    info_lag: float = 0.5
    """How long ``order/info`` lags behind."""


@dataclass(frozen=True)
class Kept:
    """A rate as it was shown or prebooked."""

    stay: Stay
    price: int
    at: dt.datetime


@dataclass
class Ledger:
    """The mutable part. Orders themselves are the world's reservations."""

    world: World
    pace: Pace = field(default_factory=Pace)
    outcomes: Outcomes = field(default_factory=Outcomes)
    shown: dict[str, Kept] = field(default_factory=dict)
    prebooked: dict[str, Kept] = field(default_factory=dict)
    _drifting: set[tuple[str, dt.date]] = field(default_factory=set)
    _sold: Counter[tuple[int, str, str]] | None = None

    # -- stock and prices -------------------------------------------------------------------

    def left(self, stay: Stay) -> int:
        """Return how many rooms of this kind are left in the fullest night of the stay."""
        sold = self._sales()
        return stay.hotel.units - max(
            sold[stay.hotel.hid, stay.room.key, night.isoformat()] for night in stay.nights
        )

    def _sales(self) -> Counter[tuple[int, str, str]]:
        # Counted from the orders at first use, so that it survives a restart as they do.
        if self._sold is None:
            self._sold = Counter()
            for record in self.world.reservations.all(SUPPLIER):
                if record.live:
                    self._count(record, 1)
        return self._sold

    def _count(self, record: ReservationRecord, units: int) -> None:
        assert self._sold is not None
        stay = stay_of(record.data["stay"])
        for night in stay.nights:
            self._sold[stay.hotel.hid, stay.room.key, night.isoformat()] += units

    def drift(self, stay: Stay) -> None:
        """Let the prices of this stay be 10 % up until it has been prebooked once."""
        self._drifting.add((stay.match_hash, stay.checkin))

    def price(self, stay: Stay) -> int:
        """Return the price now."""
        drifting = (stay.match_hash, stay.checkin) in self._drifting
        return raised(stay.price) if drifting else stay.price

    def show(self, stay: Stay) -> tuple[str, int]:
        """Return the hash and the price of a rate as the hotelpage shows it now."""
        price, now = self.price(stay), self.world.now()
        if len(self.shown) > 20_000:
            self.shown = {h: k for h, k in self.shown.items() if now - k.at < HOTELPAGE_LIFE}
        book_hash = stay.book_hash(price)
        self.shown[book_hash] = Kept(stay, price, now)
        return book_hash, price

    def rate(self, book_hash: str) -> Kept | None:
        """Return the rate behind a hash that can still be used, or None."""
        kept, life = self.prebooked.get(book_hash), PREBOOK_LIFE
        if kept is None:
            kept, life = self.shown.get(book_hash), HOTELPAGE_LIFE
        return None if kept is None or self.world.now() - kept.at > life else kept

    def prebook(self, kept: Kept, percent: int) -> tuple[str, int] | None:
        """Keep a shown rate, up to ``percent`` dearer; None when it cannot be had at that."""
        price = self.price(kept.stay)
        price += price * INCREASES.get(kept.stay.hotel.hid, 0) // 100
        if price * 100 > kept.price * (100 + percent) or self.left(kept.stay) < 1:
            return None
        self._drifting.discard((kept.stay.match_hash, kept.stay.checkin))
        now = self.world.now()
        if len(self.prebooked) > 20_000:
            self.prebooked = {h: k for h, k in self.prebooked.items() if now - k.at < PREBOOK_LIFE}
        book_hash = f"p-{secrets.token_hex(16)}"
        self.prebooked[book_hash] = Kept(kept.stay, price, now)
        return book_hash, price

    # -- forms and orders -------------------------------------------------------------------

    def form(self, partner_order_id: str) -> dict[str, Any] | None:
        """Return a form, whether or not it can still be used."""
        return self.world.shelf("ratehawk_forms").get(partner_order_id)

    def keep_form(self, partner_order_id: str, form: dict[str, Any]) -> None:
        """Keep a new form, or a changed one."""
        self.world.shelf("ratehawk_forms").put(partner_order_id, form)

    def order(self, partner_order_id: str) -> ReservationRecord | None:
        """Return an order as it stands now, or None."""
        record = self.world.reservations.get(SUPPLIER, partner_order_id)
        if record is not None:
            self._decide(record)
        return record

    def begin(self, partner_order_id: str, form: dict[str, Any], guests: Any) -> ReservationRecord:
        """Start an order; what becomes of it is decided later."""
        stay, now = stay_of(form["stay"]), self.world.now()
        outcome = form["outcome"]
        final = outcome.removeprefix("unknown_") if outcome else "success"
        if self.left(stay) < 1:
            final = "soldout"
        takes = self.pace.decides_after * (2 if outcome.startswith("unknown_") else 1)
        if takes >= self.pace.cut_off or outcome == "unknown_book_limit":
            takes, final = self.pace.cut_off, "book_limit"
        self._sales()
        record = ReservationRecord(
            supplier=SUPPLIER,
            id=partner_order_id,
            reference=reference_of(partner_order_id),
            status="processing",
            live=True,
            price=form["price"],
            currency=stay.currency,
            data={
                "order_id": form["order_id"],
                "stay": form["stay"],
                "guests": guests,
                "outcome": outcome,
                "final": final,
                "created": now.isoformat(),
                "due": (now + dt.timedelta(seconds=takes)).isoformat(),
                "takes": takes,
                "decided": None,
                "cancelled": None,
            },
        )
        self.world.reservations.add(record)
        self._count(record, 1)
        self.watch(record, takes)
        return record

    def watch(self, record: ReservationRecord, seconds: float) -> None:
        """Decide an order when its time has come, also when nobody asks."""

        async def wait() -> None:
            await self.world.pause(seconds)
            if not self.world.closing.is_set():
                self.order(record.id)

        self.world.spawn(wait())

    def go_on(self) -> None:
        """Watch what an earlier process had begun."""
        for record in self.world.reservations.all(SUPPLIER):
            if record.status == "processing":
                left = dt.datetime.fromisoformat(record.data["due"]) - self.world.now()
                self.watch(record, max(left.total_seconds(), 0.0))

    def _decide(self, record: ReservationRecord) -> None:
        now, data = self.world.now(), record.data
        if record.status != "processing" or now < dt.datetime.fromisoformat(data["due"]):
            return
        if data["final"] == "3ds_wanted":
            return  # until the traveller proves himself, who is not asked by anybody
        data["decided"] = now.isoformat()
        good = data["final"] in ("success", "order_not_cancellable")
        record.status, record.live = ("completed", True) if good else ("failed", False)
        if not good:
            self._sales()
            self._count(record, -1)
        self.world.log.append(
            SUPPLIER,
            "book",
            record.reference,
            "confirmed" if good else "none",
            NO_ANSWER,
            id=record.id,
            amount=record.price,
            outcome=None if good else data["final"],
        )
        tell(self.world, SUPPLIER, record.id, "completed" if good else "failed")

    def cancel(self, record: ReservationRecord, fee: int, by: str) -> None:
        """Cancel an order at a fee."""
        self._sales()
        record.data["cancelled"] = {"at": self.world.now().isoformat(), "fee": fee, "by": by}
        record.status, record.live = "cancelled", False
        self._count(record, -1)

    def fee(self, record: ReservationRecord) -> int:
        """Return what cancelling an order costs now."""
        return fee_at(stay_of(record.data["stay"]), record.price, self.world.now())


def reference_of(partner_order_id: str) -> str:
    """Return a partner_order_id without the number of its attempt."""
    return re.sub(r"-r\d+\Z", "", partner_order_id)


_LEDGERS: WeakKeyDictionary[World, Ledger] = WeakKeyDictionary()


def ledger_of(world: World) -> Ledger:
    """Return the one ledger of a world."""
    if world not in _LEDGERS:
        _LEDGERS[world] = Ledger(world)
    return _LEDGERS[world]
