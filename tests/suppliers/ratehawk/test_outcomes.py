"""RateHawk's adapter against its emulation: every way an order goes, and how it is cancelled."""

import asyncio
import datetime as dt
import uuid

import pytest

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import Quote, Reservation, ReservationStatus, TripComponent
from suppliers.core.protocol import Party
from suppliers.ratehawk.adapter import RateHawkSupplier
from tests.suppliers.conftest import LocalWorld, now, reference
from tests.suppliers.ratehawk.world import (
    decided,
    later,
    ledger,
    slowly,
    stay,
)

CONFIRMED, PENDING = ReservationStatus.CONFIRMED, ReservationStatus.PENDING
CANCELLED, REJECTED = ReservationStatus.CANCELLED, ReservationStatus.REJECTED


def _usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


# -- every outcome ------------------------------------------------------------------------------

AT_ONCE: dict[str, type[ProviderError]] = {
    "email": InvalidRequest,
    "insufficient_b2b_balance": AuthConfig,
}
LATER = {
    "soldout": Unavailable,
    "book_limit": Unavailable,
    "provider": Unavailable,
    "block": Declined,
    "charge": Declined,
    "3ds": Declined,
}
BY_ENDING = ("email", "insufficient_b2b_balance", "soldout", "book_limit", "provider")


async def begin(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    outcome: str,
    *,
    by_ending: bool,
) -> tuple[str, Quote]:
    ref = f"{uuid.uuid4()}-{outcome}" if by_ending else reference()
    if not by_ending:
        ledger(local).outcomes.choose(outcome, ref)
    return ref, await hotels.quote(item, party)


@pytest.mark.parametrize("by_ending", [True, False])
@pytest.mark.parametrize("outcome", AT_ONCE)
async def test_refused_at_finish(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    outcome: str,
    by_ending: bool,
) -> None:
    ref, quote = await begin(local, hotels, item, party, outcome, by_ending=by_ending)
    with pytest.raises(AT_ONCE[outcome]) as caught:
        await hotels.book(item, quote, party, ref)
    assert caught.value.code == outcome
    assert await hotels.find(ref, since=now()) is None
    assert local.live("ratehawk", ref) == 0


@pytest.mark.parametrize(
    ("outcome", "by_ending"),
    [(one, False) for one in LATER] + [(one, True) for one in LATER if one in BY_ENDING],
)
async def test_failed_later(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    outcome: str,
    by_ending: bool,
) -> None:
    slowly(local)
    ref, quote = await begin(local, hotels, item, party, outcome, by_ending=by_ending)
    booked = await hotels.book(item, quote, party, ref)
    assert booked.status is PENDING
    later(local)
    end = await hotels.look(booked)
    assert (end.status, end.details["refused"]) == (REJECTED, outcome)
    assert await hotels.find(ref, since=now()) is None
    with pytest.raises(LATER[outcome]) as caught:  # whoever asks once more hears why
        await hotels.book(item, quote, party, ref)
    assert caught.value.code == outcome
    nothing = await hotels.cancel(booked, "key")
    assert (nothing.already, nothing.fee) == (True, _usd(0))
    assert local.live("ratehawk", ref) == 0


@pytest.mark.parametrize("outcome", LATER)
async def test_failed_at_once(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party, outcome: str
) -> None:
    ledger(local).pace.decides_after = 0
    ref, quote = await begin(local, hotels, item, party, outcome, by_ending=False)
    with pytest.raises(LATER[outcome]) as caught:
        await hotels.book(item, quote, party, ref)
    assert caught.value.code == outcome


async def test_confirmed_at_once(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    ledger(local).pace.decides_after = 0
    booked = await hotels.book(item, await hotels.quote(item, party), party, reference())
    assert (booked.status, booked.settles_by) == (CONFIRMED, None)


@pytest.mark.parametrize("by_ending", [True, False])
@pytest.mark.parametrize("end", ["success", "soldout", "provider", "book_limit"])
async def test_unknown_for_a_while(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    end: str,
    by_ending: bool,
) -> None:
    slowly(local)
    outcome = f"unknown_{end}"
    ref, quote = await begin(local, hotels, item, party, outcome, by_ending=by_ending)
    with pytest.raises(UnknownOutcome) as caught:
        await hotels.book(item, quote, party, ref)
    assert caught.value.code == "unknown"
    found = await hotels.find(ref, since=now())
    assert found is not None
    assert found.status is PENDING
    assert (await hotels.look(found)).status is PENDING
    later(local)
    ledger(local).pace.info_lag = 0
    done = await hotels.look(found)
    if end == "success":
        assert (done.status, done.price) == (CONFIRMED, item.money)
        assert "price_stated" not in done.details
        assert local.live("ratehawk", ref) == 1
    else:
        assert (done.status, done.details["refused"]) == (REJECTED, end)
        assert local.live("ratehawk", ref) == 0


async def test_what_is_too_slow_has_failed_at_the_cut_off(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    ledger(local).pace.decides_after, ledger(local).pace.cut_off = 10, 0.2
    booked = await hotels.book(item, await hotels.quote(item, party), party, reference())
    assert (await decided(hotels, booked)).details["refused"] == "book_limit"


async def test_three_d_secure_is_never_waited_for(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    ref, quote = await begin(local, hotels, item, party, "3ds_wanted", by_ending=False)
    with pytest.raises(Declined, match="3-D Secure"):
        await hotels.book(item, quote, party, ref)
    assert await hotels.find(ref, since=now()) is None


@pytest.mark.parametrize("by_ending", [True, False])
async def test_an_expired_form_is_made_anew_under_another_id(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    by_ending: bool,
) -> None:
    ref, quote = await begin(
        local, hotels, item, party, "booking_form_expired", by_ending=by_ending
    )
    booked = await hotels.book(item, quote, party, ref)
    assert (booked.reference, booked.supplier_id) == (ref, f"{ref}-r2")
    done = await decided(hotels, booked)
    assert done.status is CONFIRMED
    found = await hotels.find(ref, since=now())
    assert found is not None
    assert (found.reference, found.supplier_id) == (ref, f"{ref}-r2")
    with pytest.raises(Duplicate):
        await hotels.book(item, quote, party, ref)
    assert local.live("ratehawk", ref) == 1
    assert not (await hotels.cancel(found, "key")).already
    assert local.live("ratehawk", ref) == 0


async def test_ten_ids_and_no_more(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    ref = reference()
    for _ in range(11):
        ledger(local).outcomes.choose("booking_form_expired", ref)
    quote = await hotels.quote(item, party)
    with pytest.raises(AuthConfig, match="account manager"):
        await hotels.book(item, quote, party, ref)
    used = [exchange.body["partner_order_id"] for exchange in local.recorder.to("/form/")]
    assert used == [ref, *(f"{ref}-r{n}" for n in range(2, 11))]
    assert await hotels.find(ref, since=now()) is None


async def test_two_workers_at_one_reference_make_one_order(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    quote, ref = await hotels.quote(item, party), reference()
    ends = await asyncio.gather(
        *(hotels.book(item, quote, party, ref) for _ in range(4)), return_exceptions=True
    )
    assert {type(end) for end in ends} <= {Reservation, Duplicate}
    assert any(isinstance(end, Reservation) for end in ends)
    assert local.live("ratehawk", ref) == 1


# -- cancelling and changes at the hotel's side ---------------------------------------------------


@pytest.mark.parametrize("by_ending", [True, False])
async def test_not_cancellable(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    by_ending: bool,
) -> None:
    ref, quote = await begin(
        local, hotels, item, party, "order_not_cancellable", by_ending=by_ending
    )
    done = await decided(hotels, await hotels.book(item, quote, party, ref))
    with pytest.raises(NotCancellable) as caught:
        await hotels.cancel(done, "key")
    assert caught.value.code == "order_not_cancellable"
    assert local.live("ratehawk", ref) == 1


async def test_a_stay_that_has_begun_is_not_cancelled(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    item = stay(local, days=0)
    done = await decided(
        hotels, await hotels.book(item, await hotels.quote(item, party), party, reference())
    )
    with pytest.raises(NotCancellable):
        await hotels.cancel(done, "key")


async def test_the_hotel_cancels(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    ref = reference()
    done = await decided(
        hotels, await hotels.book(item, await hotels.quote(item, party), party, ref)
    )
    ledger(local).pace.info_lag = 30
    later(local)
    order = ledger(local).order(ref)
    assert order is not None
    ledger(local).cancel(order, 0, by="hotel")
    assert (await hotels.look(done)).status is CONFIRMED, "order/info lags behind"
    with pytest.raises(Retryable, match="does not show as cancelled yet"):
        await hotels.cancel(done, "key")
    later(local)
    assert (await hotels.look(done)).status is CANCELLED
    assert (await hotels.cancel(done, "key")).already


async def test_an_order_nobody_knows(local: LocalWorld, hotels: RateHawkSupplier) -> None:
    unknown = Reservation(
        reference="r-1",
        supplier_id="r-1",
        confirmation_code="r-1",
        provider="p",
        price=_usd(100),
    )
    with pytest.raises(InvalidRequest, match="knows no order"):
        await hotels.cancel(unknown, "key")
    with pytest.raises(AuthConfig, match="does not know order"):
        await hotels.look(unknown)
    assert await hotels.cancel_quote(unknown) is not None
    soon = unknown.model_copy(
        update={"status": PENDING, "settles_by": now() + dt.timedelta(seconds=5)}
    )
    assert (await hotels.look(soon)).status is PENDING, "a late finish may still arrive"
    with pytest.raises(Retryable):
        await hotels.cancel(soon, "key")
    late = soon.model_copy(update={"settles_by": now() - dt.timedelta(seconds=1)})
    # Its form was known once: "not found" is no proof that nothing stands.
    with pytest.raises(AuthConfig, match="does not know order"):
        await hotels.look(late)
    with pytest.raises(InvalidRequest, match="knows no order"):
        await hotels.cancel(late, "key")
    assert local.recorder.to("/finish/") == []
