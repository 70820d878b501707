"""What is particular about GetYourGuide at its emulation: carts that lapse, late confirmation."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from models.core.errors import (
    InvalidRequest,
    NotCancellable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.people import Contact, Document
from models.core.supply import ItemType, Quote, Reservation, ReservationStatus, TripComponent
from sandbox.getyourguide import live_offers
from sandbox.getyourguide.catalogue import FEE, FINAL, FIXED, MANUAL, SCARCE, SLOW, tour_like
from sandbox.getyourguide.ledger import MANUAL_CONFIRMATION, RESERVATION, Start
from sandbox.getyourguide.offers import offer_of
from suppliers.core.protocol import Party
from suppliers.getyourguide.adapter import GetYourGuideSupplier
from tests.suppliers.conftest import (
    LocalWorld,
    component,
    in_days,
    now,
    reference,
    traveler,
)

HELD, PENDING = ReservationStatus.HELD, ReservationStatus.PENDING
CONFIRMED, CANCELLED = ReservationStatus.CONFIRMED, ReservationStatus.CANCELLED
GYG = "getyourguide"
FREE = Money(amount=0, currency="USD")


@pytest.fixture
async def tours(local: LocalWorld) -> AsyncIterator[GetYourGuideSupplier]:
    supplier = GetYourGuideSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    return outing(local)


def outing(
    local: LocalWorld, kind: int | None = None, people: int = 2, **offer: Any
) -> TripComponent:
    """An experience in New York in forty days: the first one, or one of this kind."""
    day, city = in_days(40), "New York"
    found = live_offers(local.world, city=city, date=day, adults=people, currency="USD", count=1)[0]
    if kind is not None:
        local_start = dt.datetime.fromisoformat(found["offer"]["datetime"])
        found = offer_of(Start(tour_like(77_777, kind, city), local_start, people, "USD"))
    found["offer"] |= offer
    return component(found, ItemType.ACTIVITY, GYG)


async def supplier_does(local: LocalWorld, reservation: Reservation, act: str) -> int:
    async with httpx.AsyncClient() as http:
        url = f"{local.url}/_sandbox/getyourguide/bookings/{reservation.reference}/{act}"
        return (await http.post(url)).status_code


async def held(
    tours: GetYourGuideSupplier, item: TripComponent, party: Party, ref: str | None = None
) -> tuple[Reservation, Quote]:
    quote = await tours.quote(item, party)
    return await tours.book(item, quote, party, ref or reference()), quote


async def booked(
    tours: GetYourGuideSupplier, item: TripComponent, party: Party, ref: str | None = None
) -> Reservation:
    reservation, quote = await held(tours, item, party, ref)
    return await tours.complete(reservation, quote, party, "key")


def temporary(local: LocalWorld, ref: str) -> int:
    """How many temporary bookings hold places under a reference (after a look at the clock)."""
    records = [r for r in local.world.reservations.all(GYG) if r.reference == ref]
    return sum(record.status == "temp" for record in records)


async def test_the_whole_way(
    local: LocalWorld, tours: GetYourGuideSupplier, item: TripComponent, party: Party
) -> None:
    ref = reference()
    quote = await tours.quote(item, party)
    assert quote.price == item.money
    assert item.offer["title"] in quote.title
    deadline = item.starts_at - dt.timedelta(days=1)
    assert quote.terms.fee_at(deadline - dt.timedelta(minutes=1), quote.price.amount) == 0
    assert quote.terms.fee_at(deadline + dt.timedelta(minutes=1), item.price) == item.price

    kept = await tours.book(item, quote, party, ref)
    assert (kept.status, kept.reference, kept.price) == (HELD, ref, item.money)
    assert kept.held_until is not None
    assert RESERVATION - dt.timedelta(minutes=1) < kept.held_until - now() <= RESERVATION
    assert kept.details["shopping_cart_hash"]
    assert (await tours.look(kept)).status is HELD
    assert (local.live(GYG, ref), local.effects(GYG, ref)) == (0, [])

    done = await tours.complete(kept, quote, party, "key")
    assert (done.status, done.supplier_id, done.price) == (CONFIRMED, kept.supplier_id, kept.price)
    assert done.confirmation_code.startswith("GYG")
    assert done.details["voucher_url"].startswith("https://")
    assert (done.starts_at, done.held_until) == (item.starts_at, None)
    assert await tours.look(done) == done
    assert local.live(GYG, ref) == 1
    # Completing again does nothing, and shows the same.
    assert await tours.complete(kept, quote, party, "key") == done
    assert local.effects(GYG, ref) == ["created"]
    assert len(local.recorder.to("/carts")) == 1

    assert (await tours.cancel_quote(done)).fee == FREE
    cancelled = await tours.cancel(done, "key")
    assert (cancelled.already, cancelled.fee) == (False, FREE)
    assert (await tours.cancel(done, "key")).already
    assert (await tours.look(done)).status is CANCELLED
    gone = await tours.cancel_quote(done)
    assert (gone.cancellable, gone.gone) == (False, True)
    assert (local.live(GYG, ref), local.effects(GYG, ref)) == (0, ["created", "cancelled"])


async def test_what_is_sent_to_them(
    local: LocalWorld, tours: GetYourGuideSupplier, item: TripComponent
) -> None:
    document = Document(
        number="X1", expiry_date=in_days(900), issuance_country="ES", nationality="es"
    )
    long = traveler("A" * 44, document=document)
    party = Party(
        travelers=(long, traveler("B" * 60, phone="0034 600 000 000")),
        contact=Contact(email="ana@example.com", phone="600 000 000"),
    )
    ref = reference()
    await booked(tours, item, party, ref)
    bookable = local.recorder.to("/bookings")[0].body["data"]["booking"]["bookable"]
    assert bookable["external_reference_id"] == ref
    assert bookable["price"] == float(item.money.to_decimal())
    named = [
        one["participant_answers"]["traveler_name"]["first_name"]
        for one in bookable["questions"]["participant_questions"]
    ]
    assert named == ["A" * 44, "B" * 60]
    assert bookable["questions"]["conduction_language"] == {"type": "language_live", "value": "en"}
    cart = local.recorder.to("/carts")[0].body["data"]["shopping_cart"]
    assert cart["payment"] == {"master_bill": True}
    assert (cart["billing"]["country_code"], cart["traveler"]["first_name"]) == ("ES", "A" * 44)
    assert cart["traveler"]["phone_number"] == "+34600000000"
    assert {e.headers["x-access-token"] for e in local.recorder.exchanges} == {"sandbox"}


async def test_a_reference_has_its_length(
    tours: GetYourGuideSupplier, item: TripComponent, party: Party
) -> None:
    quote = await tours.quote(item, party)
    with pytest.raises(InvalidRequest, match="255"):
        await tours.book(item, quote, party, "x" * 256)
    assert (await tours.book(item, quote, party, "x" * 255)).status is HELD


# -- what is held, and what becomes of it -----------------------------------------------------


async def test_a_hold_lets_itself_go(
    local: LocalWorld, tours: GetYourGuideSupplier, party: Party
) -> None:
    item, ref = outing(local, SCARCE), reference()
    kept, quote = await held(tours, item, party, ref)
    await held(tours, item, party, ref)
    with pytest.raises(Unavailable):
        await tours.quote(item, party)
    local.world.ahead = RESERVATION + dt.timedelta(seconds=1)
    assert (await tours.quote(item, party)).price == item.money
    assert temporary(local, ref) == 0
    assert (await tours.look(kept)).status is CANCELLED
    with pytest.raises(Unavailable) as caught:
        await tours.complete(kept, quote, party, "key")
    assert caught.value.code == "deleted_by_daemon"
    assert (await tours.cancel(kept, "key")).already
    assert (local.live(GYG, ref), local.effects(GYG, ref)) == (0, [])


async def test_a_short_hold(
    local: LocalWorld, tours: GetYourGuideSupplier, item: TripComponent, party: Party
) -> None:
    local.world.faults.arm(GYG, "book", "short_hold", seconds=1)
    kept, quote = await held(tours, item, party)
    assert kept.held_until is not None
    assert kept.held_until - now() <= dt.timedelta(seconds=1)
    await asyncio.sleep(1.1)
    with pytest.raises(Unavailable):
        await tours.complete(kept, quote, party, "key")


async def test_a_hold_is_released(
    local: LocalWorld, tours: GetYourGuideSupplier, party: Party
) -> None:
    item, ref = outing(local, FIXED), reference()
    kept, quote = await held(tours, item, party, ref)
    assert (await tours.cancel_quote(kept)).fee == FREE
    assert (await tours.cancel(kept, "key")).fee == FREE
    assert (await tours.cancel(kept, "key")).already
    assert (await tours.look(kept)).status is CANCELLED
    with pytest.raises(Unavailable):
        await tours.complete(kept, quote, party, "key")
    assert (temporary(local, ref), local.effects(GYG, ref)) == (0, ["released"])


# -- confirmed later --------------------------------------------------------------------------


async def test_what_is_not_free_sale_is_confirmed_by_its_supplier(
    local: LocalWorld, tours: GetYourGuideSupplier, party: Party
) -> None:
    pending = await booked(tours, outing(local, MANUAL), party)
    assert pending.status is PENDING
    assert pending.settles_by is not None
    assert dt.timedelta(hours=47) < pending.settles_by - now() <= dt.timedelta(hours=48)
    seen = await tours.look(pending)
    assert (seen.status, seen.settles_by) == (PENDING, pending.settles_by)
    assert (await tours.cancel_quote(pending)).fee == FREE
    assert local.live(GYG, pending.reference) == 1
    local.world.ahead = MANUAL_CONFIRMATION
    seen = await tours.look(pending)
    assert (seen.status, seen.settles_by) == (CONFIRMED, None)
    assert seen.confirmation_code.startswith("GYG")


async def test_a_supplier_says_yes_or_no_now(
    local: LocalWorld, tours: GetYourGuideSupplier, party: Party
) -> None:
    yes, no = [await booked(tours, outing(local, MANUAL), party) for _ in range(2)]
    assert await supplier_does(local, yes, "confirm") == 200
    assert await supplier_does(local, no, "reject") == 200
    assert await supplier_does(local, no, "confirm") == 409
    assert (await tours.look(yes)).status is CONFIRMED
    assert (await tours.look(no)).status is ReservationStatus.REJECTED
    assert (await tours.cancel(no, "key")).already
    assert local.effects(GYG, yes.reference) == ["created", "confirmed"]
    assert local.effects(GYG, no.reference) == ["created", "cancelled"]
    assert await supplier_does(local, yes, "cancel") == 200
    assert (await tours.look(await tours.look(yes))).status is CANCELLED
    missing = yes.model_copy(update={"reference": "nobody's"})
    assert await supplier_does(local, missing, "cancel") == 404


async def test_free_sale_may_take_a_moment(
    local: LocalWorld, tours: GetYourGuideSupplier, party: Party
) -> None:
    pending = await booked(tours, outing(local, SLOW), party)
    assert pending.status is PENDING
    assert pending.settles_by is not None
    assert pending.settles_by - now() <= dt.timedelta(minutes=10)
    local.world.ahead = dt.timedelta(seconds=5)
    assert (await tours.look(pending)).status is CONFIRMED


# -- cancelling -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "before", "percent"),
    [
        (FEE, dt.timedelta(days=10), 20),
        (FEE, dt.timedelta(hours=40), 100),
        (FINAL, dt.timedelta(days=10), 100),
        (1, dt.timedelta(hours=25), 0),
        (1, dt.timedelta(hours=23), 100),
    ],
)
async def test_the_fee_is_the_policy_s(
    local: LocalWorld,
    tours: GetYourGuideSupplier,
    party: Party,
    monkeypatch: pytest.MonkeyPatch,
    kind: int,
    before: dt.timedelta,
    percent: int,
) -> None:
    item = outing(local, kind)
    quote = await tours.quote(item, party)
    at = item.starts_at - before
    fee = -(-item.price * percent // 100)
    assert quote.terms.fee_at(at, item.price) == fee
    done = await booked(tours, item, party)
    local.world.ahead = at - now()
    _set_clock(monkeypatch, local)
    assert (await tours.cancel_quote(done)).fee == Money(amount=fee, currency="USD")
    assert (await tours.cancel(done, "key")).fee == Money(amount=fee, currency="USD")


def _set_clock(monkeypatch: pytest.MonkeyPatch, local: LocalWorld) -> None:
    """Have the adapter live in the sandbox's time."""

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "dt.datetime":  # type: ignore[override]
            return local.world.now().astimezone(tz)

    class Time:
        datetime = Clock

        def __getattr__(self, name: str) -> Any:
            return getattr(dt, name)

    monkeypatch.setattr("suppliers.getyourguide.adapter.dt", Time())


async def test_what_cannot_be_cancelled(
    local: LocalWorld, tours: GetYourGuideSupplier, party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = outing(local, FIXED)
    assert (await tours.quote(item, party)).terms.fee_at(now(), item.price) == item.price
    done = await booked(tours, item, party)
    quoted = await tours.cancel_quote(done)
    assert (quoted.cancellable, quoted.reason) == (False, "the experience cannot be cancelled")
    with pytest.raises(NotCancellable):
        await tours.cancel(done, "key")
    other = await booked(tours, outing(local), party)
    local.world.ahead = dt.timedelta(days=42)
    _set_clock(monkeypatch, local)
    assert (await tours.cancel_quote(other)).reason == "the experience has begun"
    with pytest.raises(NotCancellable):
        await tours.cancel(other, "key")
    assert local.live(GYG, other.reference) == 1


# -- offers that are not what they claim --------------------------------------------------------


async def test_other_starts_and_days(
    local: LocalWorld, tours: GetYourGuideSupplier, item: TripComponent, party: Party
) -> None:
    start = dt.datetime.fromisoformat(item.offer["datetime"])
    early = (start + dt.timedelta(hours=1)).isoformat()
    with pytest.raises(Unavailable, match="does not start"):
        await tours.quote(outing(local, datetime=early), party)
    far = {"datetime": (start + dt.timedelta(days=400)).isoformat()}
    moved = item.model_copy(
        update={
            "offer": item.offer | far,
            "starts_at": item.starts_at + dt.timedelta(days=400),
        }
    )
    with pytest.raises(Unavailable, match="on this day"):
        await tours.quote(moved, party)
    yen = item.model_copy(update={"currency": "JPY", "offer": item.offer | {"currency": "JPY"}})
    with pytest.raises(InvalidRequest, match="no payment in JPY"):
        await tours.quote(yen, party)


# -- late, and after all ------------------------------------------------------------------------


async def test_a_late_confirmation_after_the_release_confirms_nothing(
    local: LocalWorld, tours: GetYourGuideSupplier, item: TripComponent, party: Party
) -> None:
    ref = reference()
    kept, quote = await held(tours, item, party, ref)
    local.arm(GYG, "complete", "late_commit", seconds=1.2)
    impatient = GetYourGuideSupplier(local.settings(provider_timeout_seconds=0.6))
    with pytest.raises(UnknownOutcome):
        await impatient.complete(kept, quote, party, "key")
    await impatient.close()
    assert (await tours.look(kept)).status is HELD
    assert not (await tours.cancel(kept, "key")).already
    await asyncio.sleep(1)
    assert (local.live(GYG, ref), local.effects(GYG, ref)) == (0, ["released"])
