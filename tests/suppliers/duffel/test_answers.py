"""Duffel's answers that are no errors by themselves: terms, holds, look-ups, payments, fees."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    InvalidRequest,
    NotCancellable,
    ProviderError,
    Retryable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ReservationStatus
from suppliers.core.limiter import OVER_RATE
from suppliers.duffel import DuffelSupplier
from tests.suppliers.conftest import Reply, Scripted, expect, now
from tests.suppliers.duffel.script import (
    AIRLINE,
    API,
    ASK,
    CONFIRM,
    CONFIRMED_AT,
    ITEM,
    LANDS,
    LEAVES,
    ORDER,
    PARTY,
    PRICE,
    PRICED,
    QUOTE,
    SCRIPT,
    STATE,
    answered,
    failed,
    item_of,
    offer,
    order,
    other_orders,
    payment,
    refund,
    reservation,
    slices,
)


@pytest.fixture
async def flights(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


PAST = "2020-01-01T00:00:00Z"
SETTLED: dict[str, Any] = {"awaiting_payment": False, "payment_required_by": None}
OVER: dict[str, Any] = {"payment_required_by": PAST}


@pytest.mark.parametrize("reply", [payment(), payment(status="succeeded"), payment(amount="300.5")])
async def test_what_was_paid(scripted: Scripted, flights: DuffelSupplier, reply: Reply) -> None:
    scripted.say("/air/payments", reply)
    paid = await flights.complete(reservation(), QUOTE, PARTY, "key")
    assert (paid.status, paid.details["payment"]) == (ReservationStatus.CONFIRMED, "pay_1")
    (sent,) = [body for path, body in scripted.requests if path == "/air/payments"]
    charged = {"type": "balance", "amount": "300.50", "currency": "USD"}
    assert sent == {"data": {"order_id": "ord_1", "payment": charged}}


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (answered(order(paid=True)), None),
        (answered(order()), UnknownOutcome),
        (failed(500, "internal_server_error", API), UnknownOutcome),
    ],
)
async def test_paid_already(
    scripted: Scripted,
    flights: DuffelSupplier,
    shown: Reply,
    expected: type[ProviderError] | None,
) -> None:
    scripted.say("/air/payments", failed(422, "already_paid", STATE))
    scripted.say(ORDER, shown)
    if expected is None:
        paid = await flights.complete(reservation(), QUOTE, PARTY, "key")
        assert paid.status is ReservationStatus.CONFIRMED
    else:
        with pytest.raises(expected):
            await flights.complete(reservation(), QUOTE, PARTY, "key")


async def test_the_pause_that_duffel_asks_for(scripted: Scripted, flights: DuffelSupplier) -> None:
    later = (now() + dt.timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    limited = {"ratelimit-reset": later}
    scripted.say(PRICED, failed(429, "rate_limit_exceeded", "rate_limit_error", **limited))
    with pytest.raises(Retryable) as caught:
        await flights.quote(ITEM, PARTY)
    assert caught.value.retry_after is not None
    assert dt.timedelta(seconds=20) < caught.value.retry_after <= dt.timedelta(seconds=30)
    asked = len(scripted.requests)
    error = await expect(Retryable, flights.quote(ITEM, PARTY))
    assert error.code == OVER_RATE, "nobody asks before the pause is over"
    assert len(scripted.requests) == asked


@pytest.mark.parametrize("odd", ["", ".", "..", "../orders/ord_1", "off_1?a=b", "off_1#a", "off 1"])
async def test_offers_are_no_paths(scripted: Scripted, flights: DuffelSupplier, odd: str) -> None:
    await expect(InvalidRequest, flights.quote(item_of(offer(id=odd)), PARTY))
    assert scripted.requests == []


async def test_another_price_is_quoted(scripted: Scripted, flights: DuffelSupplier) -> None:
    scripted.say(PRICED, answered(offer(total_amount="310.00")))
    assert (await flights.quote(ITEM, PARTY)).price == Money(amount=31_000, currency="USD")


def conditions_of(
    allowed: bool, penalty: str | None, currency: str | None = "USD"
) -> dict[str, Any]:
    found = {"allowed": allowed, "penalty_amount": penalty, "penalty_currency": currency}
    return {"refund_before_departure": found}


@pytest.mark.parametrize(
    ("conditions", "before"),
    [
        (conditions_of(True, "40.00"), 4_000),
        (conditions_of(True, "0.00"), 0),
        (conditions_of(True, "400.00"), PRICE.amount),
        (conditions_of(True, None, None), PRICE.amount),
        (conditions_of(True, "40.00", "EUR"), PRICE.amount),
        (conditions_of(True, "40.001"), PRICE.amount),
        (conditions_of(False, None, None), PRICE.amount),
        ({"refund_before_departure": None}, PRICE.amount),
        (None, PRICE.amount),
    ],
)
async def test_terms(
    scripted: Scripted,
    flights: DuffelSupplier,
    conditions: Any,
    before: int,
) -> None:
    scripted.say(PRICED, answered(offer(conditions=conditions)))
    terms = (await flights.quote(ITEM, PARTY)).terms
    assert terms.fee_at(LEAVES - dt.timedelta(seconds=1), PRICE.amount) == before
    assert terms.fee_at(LEAVES, PRICE.amount) == PRICE.amount


async def test_airports_without_a_zone(scripted: Scripted, flights: DuffelSupplier) -> None:
    for zone in (None, "", "Nowhere/At_All", "../etc"):
        ways = slices()
        ways[0]["segments"][0]["origin"]["time_zone"] = zone
        ways[0]["segments"][0]["destination"]["time_zone"] = zone
        found = offer(slices=ways)
        scripted.say(PRICED, answered(found))
        quote = await flights.quote(item_of(found), PARTY)
        assert quote.terms.fee_at(LEAVES - dt.timedelta(seconds=1), PRICE.amount) == 4_000
        scripted.say("/air/orders", answered(order(slices=ways), 201))
        made = await flights.book(item_of(found), quote, PARTY, "ref-1")
        assert (made.starts_at, made.ends_at) == (None, None)


async def test_the_order_asked_for(scripted: Scripted, flights: DuffelSupplier) -> None:
    scripted.say("/air/orders", answered(order(), 201))
    made = await flights.book(ITEM, QUOTE, PARTY, "ref-1")
    assert made.status is ReservationStatus.HELD
    assert made.held_until == dt.datetime(2031, 4, 20, tzinfo=dt.UTC)
    assert (made.confirmation_code, made.pnr) == ("RZPNX8", "RZPNX8")
    assert (made.starts_at, made.ends_at) == (LEAVES, LANDS)


@pytest.mark.parametrize(("odd", "words"), other_orders())
async def test_an_order_other_than_asked_is_never_the_booking(
    scripted: Scripted, flights: DuffelSupplier, odd: dict[str, Any], words: str
) -> None:
    """It is known by its id, and undone by it, even where a look-up would not find it."""
    scripted.say("/air/orders", answered(odd, 201))
    scripted.say(ORDER, answered(odd))
    made = await flights.book(ITEM, QUOTE, PARTY, "ref-1")
    assert (made.status, made.supplier_id) == (ReservationStatus.PENDING, "ord_1")
    (said,) = made.details["other_than_asked"]
    assert words in said
    assert made.settles_by is not None
    assert made.settles_by <= now()
    gone = "cancelled_at" in odd and odd["cancelled_at"] is not None
    expected = ReservationStatus.CANCELLED if gone else ReservationStatus.PENDING
    assert (await flights.look(made)).status is expected
    assert not (await flights.cancel(made, "key")).already


async def test_a_hold_without_a_guaranteed_price(
    scripted: Scripted, flights: DuffelSupplier
) -> None:
    status = {"awaiting_payment": True, "payment_required_by": "2031-04-21T00:00:00Z"}
    scripted.say("/air/orders", answered(order(payment_status=status), 201))
    made = await flights.book(ITEM, QUOTE, PARTY, "ref-1")
    assert made.held_until == dt.datetime(2031, 4, 21, tzinfo=dt.UTC)


async def test_a_quote_of_another_offer(flights: DuffelSupplier) -> None:
    for odd in (
        QUOTE.model_copy(update={"offer": {}}),
        QUOTE.model_copy(update={"offer": {**QUOTE.offer, "offer_id": "off_2"}}),
    ):
        with pytest.raises(InvalidRequest):
            await flights.book(ITEM, odd, PARTY, "ref-1")


async def test_an_accepted_order_needs_no_body(scripted: Scripted, flights: DuffelSupplier) -> None:
    for reply in (Reply(202, b""), Reply(202, b"{"), Reply(200, {"data": {}}), Reply(202, [])):
        scripted.say("/air/orders", reply)
        made = await flights.book(ITEM, QUOTE, PARTY, "ref-1")
        assert (made.status, made.supplier_id) == (ReservationStatus.PENDING, "off_1")


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (order(), ReservationStatus.HELD),
        (order(paid=True), ReservationStatus.CONFIRMED),
        (order(paid=True, cancelled_at="2031-01-01T00:00:00Z"), ReservationStatus.CANCELLED),
        # Paid at once, at a carrier without e-tickets: it need not say when it was paid.
        (order(payment_status={**SETTLED, "paid_at": None}), ReservationStatus.CONFIRMED),
        (order(payment_status=SETTLED), ReservationStatus.CONFIRMED),
        (order(payment_status=SETTLED, documents=None), ReservationStatus.CONFIRMED),
        (order(payment_status={"awaiting_payment": False}), ReservationStatus.CONFIRMED),
        # A hold that nobody paid in time says until when it was to be paid.
        (order(payment_status={**SETTLED, **OVER}), ReservationStatus.CANCELLED),
        (order(payment_status={**SETTLED, **OVER, "paid_at": PAST}), ReservationStatus.CONFIRMED),
        (order(paid=True, payment_status={**SETTLED, **OVER}), ReservationStatus.CONFIRMED),
        (
            order(payment_status={**SETTLED, "payment_required_by": "2099-01-01T00:00:00Z"}),
            ReservationStatus.CONFIRMED,
        ),
    ],
)
async def test_where_an_order_stands(
    scripted: Scripted, flights: DuffelSupplier, shown: dict[str, Any], status: ReservationStatus
) -> None:
    scripted.say(ORDER, answered(shown))
    assert (await flights.look(reservation())).status is status


async def test_several_orders_under_one_reference(
    scripted: Scripted, flights: DuffelSupplier
) -> None:
    """Never expected; a live one is preferred, and the others are told."""
    gone = order(id="ord_0", cancelled_at="2031-01-01T00:00:00Z")
    other = order(id="ord_2")
    scripted.say("limit=50", answered([gone, order(), other]))
    for one in (gone, order(), other):
        scripted.say(f"/{one['id']}", answered(one))
    found = await flights.find("ref-1", since=now())
    assert found is not None
    assert found.supplier_id == "ord_1"
    assert found.details["also_live"] == ["ord_2"]


async def test_odd_orders_of_others_do_not_disturb(
    scripted: Scripted, flights: DuffelSupplier
) -> None:
    stamp = now().isoformat()
    others = [
        {"id": "ord_7", "created_at": stamp, "metadata": None},
        {"id": "ord_8", "created_at": stamp, "metadata": {"trip_reference": ["ref-1"]}},
        {"id": "ord_9", "created_at": stamp},
    ]
    scripted.say("limit=50", answered([*others, order()]))
    scripted.say(ORDER, answered(order()))
    found = await flights.find("ref-1", since=now())
    assert found is not None
    assert found.supplier_id == "ord_1"


async def test_a_list_without_an_end(scripted: Scripted, flights: DuffelSupplier) -> None:
    other = {"id": "ord_7", "created_at": now().isoformat()}
    scripted.say("limit=50", answered([other], after="x"))
    scripted.say("after=x", answered([other], after="x"))
    with pytest.raises(Retryable, match="does not end"):
        await flights.find("ref-1", since=now())


@pytest.mark.parametrize(
    ("about", "rejected"),
    [
        ({"offer_id": "off_1", "metadata": {"trip_reference": "ref-1"}}, True),
        ({"offer_id": "off_1"}, True),
        ({"offer_id": "off_1", "metadata": {"trip_reference": "another"}}, False),
        ({"offer_id": "off_2"}, False),
        ({}, False),
    ],
)
async def test_a_failed_creation(
    scripted: Scripted, flights: DuffelSupplier, about: dict[str, Any], rejected: bool
) -> None:
    waiting = reservation(supplier_id="off_1", status=ReservationStatus.PENDING)
    event = {"type": "order.creation_failed", "data": {"object": about}}
    scripted.replies.clear()
    scripted.say("offer_id=off_1&limit=50", answered([]))
    scripted.say("type=order.creation_failed&limit=50", answered([{"event_id": "wev_1"}] * 3))
    scripted.say("/wev_1", answered(event))
    seen = await flights.look(waiting)
    expected = ReservationStatus.REJECTED if rejected else ReservationStatus.PENDING
    assert seen.status is expected
    assert [path for path, _ in scripted.requests].count("/air/webhooks/events/wev_1") == 1


@pytest.mark.parametrize(
    ("change", "fee"),
    [
        ({}, 4_000),
        ({"refund_amount": "0.00"}, PRICE.amount),
        ({"refund_amount": "300.50"}, 0),
        ({"refund_amount": "999.00"}, 0),
        ({"refund_amount": "0.00", "refund_to": "awaiting_payment"}, 0),
        # Credits with the airline are no money that comes back.
        ({"refund_amount": "300.50", "refund_to": "airline_credits"}, PRICE.amount),
        ({"refund_amount": "300.50", "refund_to": "voucher"}, PRICE.amount),
        ({"refund_amount": None}, None),
        ({"refund_currency": "EUR"}, None),
        ({"refund_amount": "much"}, None),
        ({"refund_amount": 7}, None),
        ({"refund_to": "a_place_nobody_has_heard_of"}, None),
        ({"refund_to": "original_form_of_payment"}, 4_000),
    ],
)
async def test_fees(
    scripted: Scripted, flights: DuffelSupplier, change: dict[str, Any], fee: int | None
) -> None:
    scripted.say(ASK, answered(refund(**change), 201))
    scripted.say(CONFIRM, answered(refund(**change, **CONFIRMED_AT)))
    scripted.say(ORDER, answered(order(cancellation=refund(**change, **CONFIRMED_AT))))
    expected = None if fee is None else Money(amount=fee, currency="USD")
    assert (await flights.cancel_quote(reservation())).fee == expected
    assert (await flights.cancel(reservation(), "key")).fee == expected
    for path in (CONFIRM, ASK):
        scripted.say(path, failed(422, "already_cancelled", STATE))
        done = await flights.cancel(reservation(), "key")
        assert (done.already, done.fee) == (True, expected)


async def test_a_fee_that_cannot_be_read(scripted: Scripted, flights: DuffelSupplier) -> None:
    scripted.say(ASK, failed(422, "already_cancelled", STATE))
    scripted.say(ORDER, failed(500, "internal_server_error", API))
    done = await flights.cancel(reservation(), "key")
    assert (done.already, done.fee) == (True, None)


@pytest.mark.parametrize(
    ("code", "kind"), [("order_not_cancellable", STATE), ("unsupported_action", AIRLINE)]
)
async def test_a_cancellation_that_is_refused_beforehand(
    scripted: Scripted, flights: DuffelSupplier, code: str, kind: str
) -> None:
    scripted.say(ASK, failed(422, code, kind))
    assert not (await flights.cancel_quote(reservation())).cancellable
    with pytest.raises(NotCancellable, match="about"):
        await flights.cancel(reservation(), "key")


async def test_a_quote_for_another_order_confirms_nothing(
    scripted: Scripted, flights: DuffelSupplier
) -> None:
    scripted.say(ASK, answered(refund(order_id="ord_2"), 201))
    with pytest.raises(Retryable):
        await flights.cancel(reservation(), "key")
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "off_2"}, "other_offer"),
        ({"slices": slices() * 2}, "other_flights"),
        ({"passengers": [{"id": "pas_2", "type": "adult"}]}, "other_people"),
        ({"total_currency": "EUR"}, "other_currency"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "offer_expired"),
    ],
)
async def test_why_another_offer_is_refused(
    scripted: Scripted, flights: DuffelSupplier, change: dict[str, Any], code: str
) -> None:
    scripted.say(PRICED, answered(offer(**change)))
    with pytest.raises(ProviderError) as caught:
        await flights.quote(ITEM, PARTY)
    assert caught.value.code == code
