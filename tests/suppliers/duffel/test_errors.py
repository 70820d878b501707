"""Every error Duffel documents, and every answer that is not what was asked for.

Rows of providers.md §7 and of Duffel's reference; there is no published specification, so the
answers are scripted after the documented shapes.
"""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation, ReservationStatus, TripComponent
from settings import Settings
from suppliers.core.protocol import Party
from suppliers.duffel.adapter import DuffelSupplier
from tests.suppliers.conftest import PATIENCE, Reply, Scripted, component
from tests.suppliers.duffel.world import (
    answered,
    failed,
    now,
    offer,
    order,
    party_of,
    refund,
    slices,
    traveler,
)

PRICE = Money(amount=30_050, currency="USD")
PRICED = "off_1?return_available_services=false"
LEAVES = dt.datetime(2031, 5, 1, 22, tzinfo=dt.UTC)
LANDS = dt.datetime(2031, 5, 2, 5, 30, tzinfo=dt.UTC)


@pytest.fixture
async def flights(scripted: Scripted) -> AsyncIterator[DuffelSupplier]:
    settings = Settings(duffel={"base_url": scripted.url}, provider_timeout_seconds=PATIENCE)
    supplier = DuffelSupplier(settings)
    yield supplier
    await supplier.close()


@pytest.fixture
def item() -> TripComponent:
    return item_of(offer())


def item_of(found: dict[str, Any]) -> TripComponent:
    given = {
        "offer": found,
        "price": PRICE.amount,
        "currency": "USD",
        "starts_at": LEAVES,
        "ends_at": LANDS,
    }
    return component(given, ItemType.FLIGHT, "duffel")


@pytest.fixture
def party() -> Party:
    return party_of(traveler("Ana", document=None))


@pytest.fixture
async def quote(
    scripted: Scripted, flights: DuffelSupplier, item: TripComponent, party: Party
) -> Quote:
    scripted.say(PRICED, answered(offer()))
    made = await flights.quote(item, party)
    scripted.requests.clear()
    return made


def reservation(**change: Any) -> Reservation:
    given: dict[str, Any] = {
        "reference": "ours-1",
        "supplier_id": "ord_1",
        "confirmation_code": "RZPNX8",
        "provider": "Duffel Airways",
        "price": PRICE,
        "status": ReservationStatus.HELD,
    }
    return Reservation(**{**given, **change})


AIRLINE, STATE, API = "airline_error", "invalid_state_error", "api_error"

EVERYWHERE: list[tuple[Reply, type[ProviderError]]] = [
    (failed(401, "access_token_not_found", "authentication_error"), AuthConfig),
    (failed(401, "expired_access_token", "authentication_error"), AuthConfig),
    (failed(403, "insufficient_permissions", "authentication_error"), AuthConfig),
    (failed(403, "unavailable_feature", "invalid_request_error"), AuthConfig),
    (Reply(401, b"<html>"), AuthConfig),
    (failed(429, "rate_limit_exceeded", "rate_limit_error"), Retryable),
    (Reply(429, b""), Retryable),
    (failed(503, "service_unavailable", API), Retryable),
    (Reply(503, b"<html>"), Retryable),
    (failed(400, "bad_request", "invalid_request_error"), InvalidRequest),
    (failed(400, "missing_data_param", "invalid_request_error"), InvalidRequest),
    (failed(400, "unsupported_version", "invalid_request_error"), InvalidRequest),
    (failed(406, "unsupported_format", "invalid_request_error"), InvalidRequest),
    (failed(422, "validation_required"), InvalidRequest),
    (failed(422, "validation_format"), InvalidRequest),
    (failed(422, "validation_inclusion"), InvalidRequest),
    (failed(422, "invalid_fields_nobody_has_heard_of"), InvalidRequest),
]

GONE: list[tuple[Reply, type[ProviderError]]] = [
    (failed(422, "offer_no_longer_available", AIRLINE), Unavailable),
    (failed(410, "offer_no_longer_available", AIRLINE), Unavailable),
    (failed(422, "offer_expired", STATE), Unavailable),
    (failed(422, "rate_unavailable", STATE), Unavailable),
    (failed(404, "not_found", "invalid_request_error"), Unavailable),
]


def unsettled(error: type[ProviderError]) -> list[tuple[Reply, type[ProviderError]]]:
    return [
        (reply, error)
        for reply in (
            failed(500, "internal_server_error", API),
            failed(500, "offer_no_longer_available", API),
            failed(502, "bad_gateway", API),
            failed(504, "gateway_timeout", API),
            Reply(502, b"<html>Bad gateway</html>"),
            Reply(504, b""),
            Reply(0),
            failed(422, "airline_internal", AIRLINE),
            failed(422, "airline_unknown", AIRLINE),
            Reply(400, b"<html>"),
            Reply(404, b""),
            Reply(409, b""),
            Reply(422, {"errors": []}),
            Reply(422, {"errors": [7]}),
            Reply(302, b"", {"Location": "/elsewhere"}),
            Reply(418, b""),
            Reply(201, b""),
            Reply(201, b"not json"),
            Reply(201, []),
            Reply(201, {"data": None}),
            Reply(201, b'{"data": ' + b"[" * 20_000),
            Reply(201, b" " * (8 * 1024 * 1024 + 1)),
        )
    ]


ON_CREATE = [
    *EVERYWHERE,
    *GONE,
    *unsettled(UnknownOutcome),
    (failed(502, "order_not_created", API), Unavailable),
    (failed(422, "order_not_created", AIRLINE), Unavailable),
    (failed(422, "price_changed", AIRLINE), PriceChanged),
    (failed(422, "payment_amount_does_not_match_order_amount"), PriceChanged),
    (failed(422, "payment_currency_does_not_match_order_currency"), InvalidRequest),
    (failed(422, "duplicate_booking", AIRLINE), Duplicate),
    (failed(422, "offer_request_already_booked"), Duplicate),
    (failed(422, "order_creation_already_attempted", STATE), Duplicate),
    (failed(422, "insufficient_balance", STATE), AuthConfig),
    (failed(422, "payment_declined", STATE), Declined),
    (failed(422, "duplicate_passenger_name"), InvalidRequest),
    (failed(422, "invalid_phone_number"), InvalidRequest),
    (failed(422, "invalid_passenger_name"), InvalidRequest),
    (failed(422, "order_passengers_incompatible_with_offer"), InvalidRequest),
]


@pytest.mark.parametrize(("reply", "expected"), ON_CREATE)
async def test_errors_on_create(
    scripted: Scripted,
    flights: DuffelSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/air/orders", reply)
    scripted.say("offer_id=off_1&limit=50", answered([]))
    with pytest.raises(ProviderError) as caught:
        await flights.book(item, quote, party, "ours-1")
    assert type(caught.value) is expected
    assert (caught.value.provider, caught.value.operation) == ("duffel", "book")
    assert [path for path, _ in scripted.requests].count("/air/orders") == 1, "no retries"
    if isinstance(reply.body, dict) and reply.body.get("meta"):
        assert caught.value.request_id == "req-9"
        assert caught.value.code == reply.body["errors"][0]["code"]
        assert "about" in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        *GONE,
        *((Reply(200 if r.status == 201 else r.status, r.body, r.headers), e)
          for r, e in unsettled(Retryable)),
    ],
)  # fmt: skip
async def test_errors_on_quote(
    scripted: Scripted,
    flights: DuffelSupplier,
    item: TripComponent,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(PRICED, reply)
    with pytest.raises(ProviderError) as caught:
        await flights.quote(item, party)
    assert type(caught.value) is expected
    assert caught.value.operation == "quote"


ON_PAY = [
    *EVERYWHERE,
    *unsettled(UnknownOutcome),
    (failed(422, "price_changed"), PriceChanged),
    (failed(422, "payment_amount_does_not_match_order_amount"), PriceChanged),
    (failed(422, "payment_currency_does_not_match_order_currency"), InvalidRequest),
    (failed(422, "order_type_not_eligible_for_payment"), InvalidRequest),
    (failed(422, "already_cancelled", STATE), Unavailable),
    (failed(422, "past_payment_required_by_date", STATE), Unavailable),
    (failed(422, "schedule_changed", STATE), Unavailable),
    (failed(404, "not_found", "invalid_request_error"), Unavailable),
    (failed(422, "insufficient_balance", STATE), AuthConfig),
    (failed(422, "payment_declined", STATE), Declined),
]


@pytest.mark.parametrize(("reply", "expected"), ON_PAY)
async def test_errors_on_pay(
    scripted: Scripted,
    flights: DuffelSupplier,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/air/payments", reply)
    with pytest.raises(ProviderError) as caught:
        await flights.complete(reservation(), quote, party, "key")
    assert type(caught.value) is expected
    assert caught.value.operation == "complete"
    sent = [body for path, body in scripted.requests if path == "/air/payments"]
    assert sent == [
        {
            "data": {
                "order_id": "ord_1",
                "payment": {"type": "balance", "amount": "300.50", "currency": "USD"},
            }
        }
    ]


def payment(**change: Any) -> Reply:
    paid = {"id": "pay_1", "type": "balance", "amount": "300.50", "currency": "USD"}
    return answered({**paid, **change}, 201)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (payment(), None),
        (payment(status="succeeded"), None),
        (payment(amount="300.5"), None),
        (payment(status="failed"), Declined),
        (payment(status="cancelled"), Declined),
        (payment(status="pending"), UnknownOutcome),
        (payment(status="exploded"), UnknownOutcome),
        (payment(amount="300.49"), UnknownOutcome),
        (payment(amount=300.5), UnknownOutcome),
        (payment(currency="EUR"), UnknownOutcome),
        (payment(id=""), UnknownOutcome),
    ],
)
async def test_what_was_paid(
    scripted: Scripted,
    flights: DuffelSupplier,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError] | None,
) -> None:
    scripted.say("/air/payments", reply)
    if expected is None:
        paid = await flights.complete(reservation(), quote, party, "key")
        assert (paid.status, paid.details["payment"]) == (ReservationStatus.CONFIRMED, "pay_1")
    else:
        with pytest.raises(expected):
            await flights.complete(reservation(), quote, party, "key")


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
    quote: Quote,
    party: Party,
    shown: Reply,
    expected: type[ProviderError] | None,
) -> None:
    scripted.say("/air/payments", failed(422, "already_paid", STATE))
    scripted.say("/ord_1", shown)
    if expected is None:
        paid = await flights.complete(reservation(), quote, party, "key")
        assert paid.status is ReservationStatus.CONFIRMED
    else:
        with pytest.raises(expected):
            await flights.complete(reservation(), quote, party, "key")


@pytest.mark.parametrize(("reply", "expected"), [*EVERYWHERE, *GONE, *unsettled(Retryable)])
@pytest.mark.parametrize("operation", ["find", "look"])
async def test_errors_on_looking(
    scripted: Scripted,
    flights: DuffelSupplier,
    reply: Reply,
    expected: type[ProviderError],
    operation: str,
) -> None:
    """A look has two ends: an answer, or "ask again"; an operator mends credentials."""
    reply = Reply(200 if reply.status == 201 else reply.status, reply.body, reply.headers)
    scripted.say("/ord_1", reply)
    scripted.say("limit=50", reply)
    looking = (
        flights.look(reservation()) if operation == "look" else flights.find("ours-1", since=now())
    )
    with pytest.raises(ProviderError) as caught:
        await looking
    assert type(caught.value) is (AuthConfig if expected is AuthConfig else Retryable)


async def test_the_pause_that_duffel_asks_for(
    scripted: Scripted, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    later = (now() + dt.timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    limited = {"ratelimit-reset": later}
    scripted.say(PRICED, failed(429, "rate_limit_exceeded", "rate_limit_error", **limited))
    with pytest.raises(Retryable) as caught:
        await flights.quote(item, party)
    assert caught.value.retry_after is not None
    assert dt.timedelta(seconds=20) < caught.value.retry_after <= dt.timedelta(seconds=30)
    for odd in ("soon", "", "Mon, 99 Foo 0000 00:00:00 GMT"):
        scripted.say(PRICED, Reply(429, b"", {"ratelimit-reset": odd}))
        with pytest.raises(Retryable) as caught:
            await flights.quote(item, party)
        assert caught.value.retry_after is None


# -- answers about something else ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "off_2"}, "other_offer"),
        ({"slices": slices(marketing_carrier_flight_number="13")}, "other_flights"),
        ({"slices": slices(departing_at="2031-05-01T18:05:00")}, "other_flights"),
        ({"slices": slices() * 2}, "other_flights"),
        ({"passengers": [{"id": "pas_2", "type": "adult"}]}, "other_people"),
        ({"total_currency": "EUR"}, "other_currency"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "offer_expired"),
    ],
)
async def test_another_offer_than_asked_for(
    scripted: Scripted,
    flights: DuffelSupplier,
    item: TripComponent,
    party: Party,
    change: dict[str, Any],
    code: str,
) -> None:
    scripted.say(PRICED, answered(offer(**change)))
    with pytest.raises(Unavailable) as caught:
        await flights.quote(item, party)
    assert caught.value.code == code


async def test_another_price_is_quoted(
    scripted: Scripted, flights: DuffelSupplier, item: TripComponent, party: Party
) -> None:
    scripted.say(PRICED, answered(offer(total_amount="310.00")))
    assert (await flights.quote(item, party)).price == Money(amount=31_000, currency="USD")


def told(allowed: bool, penalty: str | None, currency: str | None = "USD") -> dict[str, Any]:
    found = {"allowed": allowed, "penalty_amount": penalty, "penalty_currency": currency}
    return {"refund_before_departure": found}


@pytest.mark.parametrize(
    ("conditions", "before"),
    [
        (told(True, "40.00"), 4_000),
        (told(True, "0.00"), 0),
        (told(True, "400.00"), PRICE.amount),
        (told(True, None, None), PRICE.amount),
        (told(True, "40.00", "EUR"), PRICE.amount),
        (told(True, "40.001"), PRICE.amount),
        (told(False, None, None), PRICE.amount),
        ({"refund_before_departure": None}, PRICE.amount),
        (None, PRICE.amount),
    ],
)
async def test_terms(
    scripted: Scripted,
    flights: DuffelSupplier,
    item: TripComponent,
    party: Party,
    conditions: Any,
    before: int,
) -> None:
    scripted.say(PRICED, answered(offer(conditions=conditions)))
    terms = (await flights.quote(item, party)).terms
    assert terms.fee_at(LEAVES - dt.timedelta(seconds=1), PRICE.amount) == before
    assert terms.fee_at(LEAVES, PRICE.amount) == PRICE.amount


async def test_airports_without_a_zone(
    scripted: Scripted, flights: DuffelSupplier, party: Party
) -> None:
    for zone in (None, "", "Nowhere/At_All", "../etc"):
        ways = slices()
        ways[0]["segments"][0]["origin"]["time_zone"] = zone
        ways[0]["segments"][0]["destination"]["time_zone"] = zone
        found = offer(slices=ways)
        scripted.say(PRICED, answered(found))
        quote = await flights.quote(item_of(found), party)
        assert quote.terms.fee_at(LEAVES - dt.timedelta(seconds=1), PRICE.amount) == 4_000
        scripted.say("/air/orders", answered(order(slices=ways), 201))
        made = await flights.book(item_of(found), quote, party, "ours-1")
        assert (made.starts_at, made.ends_at) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount": "300.49"},
        {"total_currency": "EUR"},
        {"total_amount": "-1.00"},
        {"total_amount": "300.501"},
        {"total_amount": 300.5},
        {"slices": slices(marketing_carrier_flight_number="13")},
        {"slices": slices(arriving_at="2031-05-02T07:31:00")},
        {"slices": []},
        {"passengers": [{"given_name": "Bo", "family_name": "Roe"}]},
        {"passengers": [{"given_name": "Ana", "family_name": "Roe"}] * 2},
        {"passengers": []},
        {"metadata": {"trip_reference": "another"}},
        {"metadata": {"trip_reference": 7}},
        {"metadata": None},
        {"payment_status": order(paid=True)["payment_status"]},
        {"payment_status": {"awaiting_payment": False, "paid_at": None}},
        {"payment_status": {"awaiting_payment": "yes"}},
        {"cancelled_at": "2031-01-01T00:00:00Z"},
        {"booking_reference": None},
        {"booking_reference": "R\x00"},
        {"created_at": "2031-01-01T00:00:00"},
        {"id": None},
    ],
)
async def test_another_order_than_asked_for(
    scripted: Scripted,
    flights: DuffelSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    change: dict[str, Any],
) -> None:
    scripted.say("/air/orders", answered(order(**change), 201))
    with pytest.raises(UnknownOutcome):
        await flights.book(item, quote, party, "ours-1")


async def test_the_order_asked_for(
    scripted: Scripted, flights: DuffelSupplier, item: TripComponent, quote: Quote, party: Party
) -> None:
    scripted.say("/air/orders", answered(order(), 201))
    made = await flights.book(item, quote, party, "ours-1")
    assert made.status is ReservationStatus.HELD
    assert made.held_until == dt.datetime(2031, 4, 20, tzinfo=dt.UTC)
    assert (made.confirmation_code, made.pnr) == ("RZPNX8", "RZPNX8")
    assert (made.starts_at, made.ends_at) == (LEAVES, LANDS)


async def test_a_hold_without_a_guaranteed_price(
    scripted: Scripted, flights: DuffelSupplier, item: TripComponent, quote: Quote, party: Party
) -> None:
    status = {"awaiting_payment": True, "payment_required_by": "2031-04-21T00:00:00Z"}
    scripted.say("/air/orders", answered(order(payment_status=status), 201))
    made = await flights.book(item, quote, party, "ours-1")
    assert made.held_until == dt.datetime(2031, 4, 21, tzinfo=dt.UTC)


async def test_a_quote_of_another_offer(
    flights: DuffelSupplier, item: TripComponent, quote: Quote, party: Party
) -> None:
    for odd in (
        quote.model_copy(update={"offer": {}}),
        quote.model_copy(update={"offer": {**quote.offer, "offer_id": "off_2"}}),
    ):
        with pytest.raises(InvalidRequest):
            await flights.book(item, odd, party, "ours-1")


async def test_an_accepted_order_needs_no_body(
    scripted: Scripted, flights: DuffelSupplier, item: TripComponent, quote: Quote, party: Party
) -> None:
    for reply in (Reply(202, b""), Reply(202, b"{"), Reply(200, {"data": {}}), Reply(202, [])):
        scripted.say("/air/orders", reply)
        made = await flights.book(item, quote, party, "ours-1")
        assert (made.status, made.supplier_id) == (ReservationStatus.PENDING, "off_1")


# -- look-ups ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (order(), ReservationStatus.HELD),
        (order(paid=True), ReservationStatus.CONFIRMED),
        (
            order(payment_status={"awaiting_payment": False, "paid_at": None}),
            ReservationStatus.CANCELLED,
        ),
        (order(paid=True, cancelled_at="2031-01-01T00:00:00Z"), ReservationStatus.CANCELLED),
    ],
)
async def test_where_an_order_stands(
    scripted: Scripted, flights: DuffelSupplier, shown: dict[str, Any], status: ReservationStatus
) -> None:
    scripted.say("/ord_1", answered(shown))
    assert (await flights.look(reservation())).status is status


async def test_a_look_at_another_order(scripted: Scripted, flights: DuffelSupplier) -> None:
    scripted.say("/ord_1", answered(order(id="ord_2")))
    with pytest.raises(Retryable):
        await flights.look(reservation())


async def test_several_orders_under_one_reference(
    scripted: Scripted, flights: DuffelSupplier
) -> None:
    """Never expected; a live one is preferred, and the others are told."""
    gone = order(id="ord_0", cancelled_at="2031-01-01T00:00:00Z")
    other = order(id="ord_2")
    scripted.say("limit=50", answered([gone, order(), other]))
    for one in (gone, order(), other):
        scripted.say(f"/{one['id']}", answered(one))
    found = await flights.find("ours-1", since=now())
    assert found is not None
    assert found.supplier_id == "ord_1"
    assert found.details["also_live"] == ["ord_2"]


async def test_odd_orders_of_others_do_not_disturb(
    scripted: Scripted, flights: DuffelSupplier
) -> None:
    stamp = now().isoformat()
    others = [
        {"id": "ord_7", "created_at": stamp, "metadata": None},
        {"id": "ord_8", "created_at": stamp, "metadata": {"trip_reference": ["ours-1"]}},
        {"id": "ord_9", "created_at": stamp},
    ]
    scripted.say("limit=50", answered([*others, order()]))
    scripted.say("/ord_1", answered(order()))
    found = await flights.find("ours-1", since=now())
    assert found is not None
    assert found.supplier_id == "ord_1"


async def test_a_list_without_an_end(scripted: Scripted, flights: DuffelSupplier) -> None:
    other = {"id": "ord_7", "created_at": now().isoformat()}
    scripted.say("limit=50", answered([other], after="x"))
    scripted.say("after=x", answered([other], after="x"))
    with pytest.raises(Retryable, match="does not end"):
        await flights.find("ours-1", since=now())


@pytest.mark.parametrize(
    ("about", "rejected"),
    [
        ({"offer_id": "off_1", "metadata": {"trip_reference": "ours-1"}}, True),
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
    scripted.say("offer_id=off_1&limit=50", answered([]))
    scripted.say("type=order.creation_failed&limit=50", answered([{"event_id": "wev_1"}] * 3))
    scripted.say("/wev_1", answered(event))
    seen = await flights.look(waiting)
    wanted = ReservationStatus.REJECTED if rejected else ReservationStatus.PENDING
    assert seen.status is wanted
    assert [path for path, _ in scripted.requests].count("/air/webhooks/events/wev_1") == 1


# -- cancelling ----------------------------------------------------------------------------------

CONFIRM = "/ore_1/actions/confirm"
CONFIRMED_AT = {"confirmed_at": "2031-01-01T00:00:00Z"}

ON_CANCEL = [
    (failed(422, "order_not_cancellable", STATE), NotCancellable),
    (failed(422, "unsupported_action", AIRLINE), NotCancellable),
    (failed(422, "order_cancellation_stale", STATE), Retryable),
    (failed(422, "order_cancellation_expired", STATE), Retryable),
    (failed(404, "not_found", "invalid_request_error"), InvalidRequest),
    (failed(401, "access_token_not_found", "authentication_error"), AuthConfig),
    (failed(429, "rate_limit_exceeded", "rate_limit_error"), Retryable),
    (failed(503, "service_unavailable", API), Retryable),
]


@pytest.mark.parametrize(("reply", "expected"), [*ON_CANCEL, *unsettled(Retryable)])
async def test_errors_on_asking_for_a_cancellation(
    scripted: Scripted, flights: DuffelSupplier, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/air/order_cancellations", reply)
    with pytest.raises(ProviderError) as caught:
        await flights.cancel(reservation(), "key")
    assert type(caught.value) is expected
    assert caught.value.operation == "cancel"
    if expected is NotCancellable:
        assert not (await flights.cancel_quote(reservation())).cancellable
        return
    with pytest.raises(ProviderError) as caught:
        await flights.cancel_quote(reservation())
    assert type(caught.value) is (AuthConfig if expected is AuthConfig else Retryable)


@pytest.mark.parametrize(("reply", "expected"), [*ON_CANCEL, *unsettled(UnknownOutcome)])
async def test_errors_on_confirming_a_cancellation(
    scripted: Scripted, flights: DuffelSupplier, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/air/order_cancellations", answered(refund(), 201))
    scripted.say(CONFIRM, reply)
    with pytest.raises(ProviderError) as caught:
        await flights.cancel(reservation(), "key")
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    "change", [{"order_id": "ord_2", **CONFIRMED_AT}, {}, {"refund_amount": 1, **CONFIRMED_AT}]
)
async def test_another_cancellation_than_asked_for(
    scripted: Scripted, flights: DuffelSupplier, change: dict[str, Any]
) -> None:
    scripted.say("/air/order_cancellations", answered(refund(), 201))
    scripted.say(CONFIRM, answered(refund(**change)))
    with pytest.raises(UnknownOutcome):
        await flights.cancel(reservation(), "key")


async def test_a_quote_for_another_order(scripted: Scripted, flights: DuffelSupplier) -> None:
    scripted.say("/air/order_cancellations", answered(refund(order_id="ord_2"), 201))
    with pytest.raises(Retryable):
        await flights.cancel(reservation(), "key")
    assert len(scripted.requests) == 1, "nothing was confirmed"


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
    ],
)
async def test_fees(
    scripted: Scripted, flights: DuffelSupplier, change: dict[str, Any], fee: int | None
) -> None:
    scripted.say("/air/order_cancellations", answered(refund(**change), 201))
    scripted.say(CONFIRM, answered(refund(**change, **CONFIRMED_AT)))
    scripted.say("/ord_1", answered(order(cancellation=refund(**change, **CONFIRMED_AT))))
    wanted = None if fee is None else Money(amount=fee, currency="USD")
    assert (await flights.cancel_quote(reservation())).fee == wanted
    assert (await flights.cancel(reservation(), "key")).fee == wanted
    for path in (CONFIRM, "/air/order_cancellations"):
        scripted.say(path, failed(422, "already_cancelled", STATE))
        done = await flights.cancel(reservation(), "key")
        assert (done.already, done.fee) == (True, wanted)


async def test_a_fee_that_cannot_be_read(scripted: Scripted, flights: DuffelSupplier) -> None:
    scripted.say("/air/order_cancellations", failed(422, "already_cancelled", STATE))
    scripted.say("/ord_1", failed(500, "internal_server_error", API))
    done = await flights.cancel(reservation(), "key")
    assert (done.already, done.fee) == (True, None)
