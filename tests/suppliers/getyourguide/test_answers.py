"""GetYourGuide's answers that are no errors by themselves: policies, questions, statuses, fees."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    InvalidRequest,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.people import Document
from models.core.supply import ReservationStatus
from suppliers.core.protocol import Party
from suppliers.getyourguide import GetYourGuideSupplier
from suppliers.getyourguide.requests import Policy
from tests.suppliers.conftest import (
    Reply,
    Scripted,
    changed,
    expect,
    in_days,
    party_of,
    traveler,
)
from tests.suppliers.getyourguide.script import (
    ASKED,
    BOOKING,
    BOOKINGS,
    CART,
    CARTS,
    ITEM,
    KEPT,
    OPTIONS,
    PARTY,
    PRICES,
    QUOTE,
    SCRIPT,
    Json,
    booking,
    cart_shown,
    deleted,
    error,
    options,
    prices,
    shown,
)


@pytest.fixture
async def tours(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


async def test_questions_are_answered(
    scripted: Scripted, tours: GetYourGuideSupplier, party: Party
) -> None:
    document = Document(
        number="X1", expiry_date=in_days(900), issuance_country="ES", nationality="ES"
    )
    known = [
        "traveler_names",
        "traveler_dates_of_birth",
        "traveler_ages",
        "traveler_passport_numbers",
        "traveler_passport_details",
        "traveler_id_numbers",
    ]
    asked = [{"question": name, "mandatory": True} for name in known]
    scripted.say(
        OPTIONS,
        options(
            questions={
                "participant_questions": [*asked, {"question": "traveler_weights"}],
                "conduction_language": {"mandatory": True},
            },
            cond_language={"language_live": ["de"], "language_audio": ["fr", "en"]},
        ),
    )
    both = (traveler("Ana", document=document), traveler("Bo", document=document))
    party = party.model_copy(update={"travelers": both})
    await tours.book(ITEM, await tours.quote(ITEM, party), party, "ref-1")
    (body,) = [body for path, body in scripted.requests if path == BOOKINGS]
    questions = body["data"]["booking"]["bookable"]["questions"]
    assert questions["conduction_language"] == {"type": "language_audio", "value": "en"}
    first = questions["participant_questions"][0]
    assert first["category_id"] == 7
    expiry = document.expiry_date.isoformat()
    assert first["participant_answers"] == {
        "traveler_name": {"first_name": "Ana", "last_name": "Roe"},
        "traveler_date_of_birth": {"value": "1990-01-31"},
        "traveler_age": {"value": "41"},
        "traveler_passport_number": {"value": "X1"},
        "traveler_passport_details": {"value": f"X1 Country ES Expiry {expiry}"},
        "traveler_id_number": {"value": "X1"},
    }


@pytest.mark.parametrize(
    ("policy", "before", "fee"),
    [
        ({}, 90, 999),
        ({"cancellable": False, "value": "0"}, 90, 999),
        ({"cancellable": True}, 90, 0),
        ({"cancellable": True}, -1, 999),
        ({"cancellable": True, "value": "0"}, 90, 0),
        ({"cancellable": True, "unit": "percentage", "value": "10.5"}, 90, 105),
        ({"cancellable": True, "unit": "percentage", "value": "250"}, 90, 999),
        ({"cancellable": True, "unit": "fixed", "value": "2.5"}, 90, 250),
        ({"cancellable": True, "unit": "fixed", "value": "25"}, 90, 999),
        ({"cancellable": True, "unit": "standard", "value": "1"}, 90, 999),
        ({"cancellable": True, "offset_minutes": 120}, 90, 999),
        ({"cancellable": True, "offset_minutes": 120}, 121, 0),
    ],
)
def test_policies(policy: Json, before: int, fee: int) -> None:
    start = dt.datetime(2031, 5, 1, 13, 30, tzinfo=dt.UTC)
    terms = Policy.model_validate(policy).terms(start, Money(amount=999, currency="USD"))
    assert terms.fee_at(start - dt.timedelta(minutes=before), 999) == fee


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        (prices({"retail_price": 130}), PriceChanged),
        (prices(vacancies=0), Unavailable),
        (prices(unavailability_reason={"reason_group": "invalid_request"}), InvalidRequest),
        (Reply(500, b""), Unavailable),
        (Reply(401, b""), AuthConfig),
    ],
)
async def test_a_refused_hold_is_explained_by_the_price_breakdown(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    why: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(BOOKINGS, error(400, 8))
    scripted.say(PRICES, why)
    caught = await expect(expected, tours.book(ITEM, QUOTE, PARTY, "ref-1"))
    if isinstance(caught, PriceChanged):
        assert caught.new_price == Money(amount=13000, currency="USD")


@pytest.mark.parametrize(
    "change", [{"offer": {}}, {"offer": {**ASKED, "categories": []}}, {"offer": {"option_id": 1}}]
)
async def test_a_quote_of_another(tours: GetYourGuideSupplier, change: Json) -> None:
    other = QUOTE.model_copy(update=change)
    await expect(InvalidRequest, tours.book(ITEM, other, PARTY, "ref-1"))
    await expect(InvalidRequest, tours.complete(KEPT, other, PARTY, "key"))


async def test_a_quote_for_other_people(tours: GetYourGuideSupplier) -> None:
    categories = [{"category_id": 7, "number_of_participants": 3}]
    other = QUOTE.model_copy(update={"offer": {**ASKED, "categories": categories}})
    await expect(InvalidRequest, tours.book(ITEM, other, PARTY, "ref-1"))


async def test_a_confirmed_cart(tours: GetYourGuideSupplier) -> None:
    done = await tours.complete(KEPT, QUOTE, PARTY, "key")
    assert (done.status, done.confirmation_code) == (ReservationStatus.CONFIRMED, "GYG1")
    assert done.details["voucher_url"] == "https://t"
    assert done.starts_at == dt.datetime(2031, 5, 1, 13, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (booking("confirmed"), ReservationStatus.CONFIRMED),
        (booking("unconfirmed"), ReservationStatus.PENDING),
        (booking("temp"), Unavailable),
        (booking("deleted_by_daemon"), Unavailable),
        (booking("confirmed", {"price": 130}), UnknownOutcome),
        (Reply(500, b""), UnknownOutcome),
    ],
)
async def test_a_refused_confirmation_is_looked_at(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    after: Reply,
    expected: ReservationStatus | type[ProviderError],
) -> None:
    scripted.say(CARTS, error(400))
    scripted.say(BOOKING, booking(), after)
    if isinstance(expected, ReservationStatus):
        done = await tours.complete(KEPT, QUOTE, PARTY, "key")
        assert done.status is expected
    else:
        await expect(expected, tours.complete(KEPT, QUOTE, PARTY, "key"))


@pytest.mark.parametrize(
    ("status", "before", "expected"),
    [
        ("temp", "HELD", "HELD"),
        ("unconfirmed", "HELD", "PENDING"),
        ("confirmed", "PENDING", "CONFIRMED"),
        ("canceled", "CONFIRMED", "CANCELLED"),
        ("canceled", "HELD", "CANCELLED"),
        ("canceled", "PENDING", "REJECTED"),
        ("deleted", "HELD", "CANCELLED"),
        ("deleted_by_customer", "HELD", "CANCELLED"),
        ("deleted_by_daemon", "HELD", "CANCELLED"),
    ],
)
async def test_every_status(
    scripted: Scripted, tours: GetYourGuideSupplier, status: str, before: str, expected: str
) -> None:
    scripted.say(BOOKING, booking(status))
    kept = KEPT.model_copy(update={"status": ReservationStatus(before)})
    seen = await tours.look(kept)
    assert seen.status == expected
    assert (seen.held_until is not None) == (expected == "HELD")
    assert (seen.settles_by is not None) == (expected == "PENDING")
    assert seen.details["policy"] == ASKED["policy"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("open", "HELD"), ("invalid", "CANCELLED"), ("in_payment", None), ("completed", None)],
)
async def test_the_cart_of_what_is_temporary(
    scripted: Scripted, tours: GetYourGuideSupplier, status: str, expected: str | None
) -> None:
    scripted.say(CART, cart_shown(status))
    if expected is None:
        await expect(Retryable, tours.look(KEPT))
    else:
        assert (await tours.look(KEPT)).status == expected


async def test_a_look_in_an_envelope_and_without_a_time(
    scripted: Scripted, tours: GetYourGuideSupplier
) -> None:
    day = shown("confirmed", {"datetime_type": "date"})
    scripted.say(BOOKING, Reply(200, {"data": {"booking": day}}))
    seen = await tours.look(KEPT)
    assert (seen.status, seen.starts_at) == (ReservationStatus.CONFIRMED, None)


async def test_what_lapsed_is_not_known_any_more(
    scripted: Scripted, tours: GetYourGuideSupplier
) -> None:
    scripted.say(BOOKING, error(404))
    await expect(Retryable, tours.look(KEPT))
    past = KEPT.model_copy(update={"held_until": dt.datetime(2021, 1, 1, tzinfo=dt.UTC)})
    gone = {"booking_hash": "B1", "booking_status": "deleted_by_daemon"}
    scripted.say(CART, cart_shown("open", bookings=[gone]))
    assert (await tours.look(past)).status is ReservationStatus.CANCELLED
    scripted.say(CART, cart_shown("open", bookings=[]))
    assert (await tours.look(past)).status is ReservationStatus.CANCELLED
    assert (await tours.cancel(past, "key")).already
    assert not (await tours.cancel_quote(past)).cancellable
    await expect(Unavailable, tours.complete(past, QUOTE, PARTY, "key"))


@pytest.mark.parametrize(
    "cart",
    [
        error(404),
        Reply(404, b"<html>"),
        error(400),
        cart_shown("completed"),
        cart_shown("in_payment"),
        cart_shown("open", shopping_cart_hash="C2"),
        cart_shown("open", bookings=[shown("confirmed")]),
    ],
)
async def test_a_404_alone_does_not_say_that_what_lapsed_is_gone(
    scripted: Scripted, tours: GetYourGuideSupplier, cart: Reply
) -> None:
    scripted.say(BOOKING, error(404))
    scripted.say(CART, cart)
    past = KEPT.model_copy(update={"held_until": dt.datetime(2021, 1, 1, tzinfo=dt.UTC)})
    await expect(Retryable, tours.look(past))
    await expect(Retryable, tours.cancel(past, "key"))
    await expect(Retryable, tours.cancel_quote(past))
    await expect(Retryable, tours.complete(past, QUOTE, PARTY, "key"))


def categories(*bands: tuple[str, int, int]) -> Reply:
    """Prices for one of each of these categories, with their ages."""
    found = [
        {
            "category_id": n,
            "ticket_category": name,
            "quantity": 1,
            "min_age": least,
            "max_age": most,
        }
        for n, (name, least, most) in enumerate(bands, 7)
    ]
    summary = {"retail_price": 123.4, "currency": "USD"}
    return prices(price_breakdown={"individuals": found, "price_summary": summary})


def aged(*ages: int) -> Party:
    return party_of(*(traveler(f"P{age}", date_of_birth=dt.date(2031 - age, 5, 1)) for age in ages))


async def test_each_traveller_is_in_the_category_of_their_age(
    scripted: Scripted, tours: GetYourGuideSupplier
) -> None:
    item = changed(ITEM, participants={"adult": 1, "child": 1})
    scripted.say(PRICES, categories(("adult", 13, 99), ("child", 3, 12)))
    asked = [{"question": "traveler_ages", "mandatory": True}]
    scripted.say(OPTIONS, options(questions={"participant_questions": asked}))
    quote = await tours.quote(item, aged(8, 40))
    await tours.book(item, quote, aged(8, 40), "ref-1")
    sent = scripted.requests[-1][1]["data"]["booking"]["bookable"]["questions"]
    assert [
        (one["category_id"], one["participant_answers"]["traveler_age"]["value"])
        for one in sent["participant_questions"]
    ] == [(8, "8"), (7, "40")]
    refused = await expect(InvalidRequest, tours.quote(item, aged(40, 41)), "quote")
    assert "do not fit 1 adult (ages 13–99) and 1 child (ages 3–12)" in str(refused)


@pytest.mark.parametrize(
    ("status", "free", "policy", "fee"),
    [
        ("temp", None, None, 0),
        ("temp", False, {}, 0),
        ("unconfirmed", True, None, 0),
        ("confirmed", True, {}, 0),
        ("confirmed", None, {}, None),
        ("confirmed", False, None, None),
        ("confirmed", False, {"cancellable": True}, None),
        ("confirmed", False, {"cancellable": True, "unit": "percentage", "value": "10"}, 1234),
        ("unconfirmed", False, {}, 12340),
    ],
)
async def test_the_fee(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    status: str,
    free: bool | None,
    policy: Json | None,
    fee: int | None,
) -> None:
    now = booking(status, {"currently_cancellable_at_no_fee": free})
    scripted.say(BOOKING, now, now, deleted())
    kept = KEPT.model_copy(update={"details": {**KEPT.details, "policy": policy}})
    expected = None if fee is None else Money(amount=fee, currency="USD")
    assert (await tours.cancel_quote(kept)).fee == expected
    assert (await tours.cancel(kept, "key")).fee == expected


STARTS = dt.datetime(2031, 5, 1, 13, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("bookable", [None, {}, {"price": None}, {"price": "9"}, {"price": 0.001}])
async def test_a_price_that_it_does_not_say_is_kept(
    scripted: Scripted, tours: GetYourGuideSupplier, bookable: Json | None
) -> None:
    told = shown("confirmed")
    if bookable is None:
        del told["bookable"]
    else:
        told["bookable"] = {**bookable, "currently_cancellable_at_no_fee": False}
    scripted.say(BOOKING, Reply(200, {"booking": told}))
    policy = {"cancellable": True, "unit": "percentage", "value": "10"}
    details = {**KEPT.details, "policy": policy}
    kept = KEPT.model_copy(update={"details": details, "starts_at": STARTS})
    seen = await tours.look(kept)
    assert (seen.status, seen.price) == (ReservationStatus.CONFIRMED, KEPT.price)
    fee = None if bookable is None else Money(amount=1234, currency="USD")
    assert (await tours.cancel_quote(kept)).fee == fee
    scripted.say(BOOKING, Reply(200, {"booking": told}), deleted())
    assert (await tours.cancel(kept, "key")).fee == fee
    scripted.say(BOOKING, Reply(200, {"booking": {**told, "booking_status": "temp"}}))
    missing = await expect(Retryable, tours.complete(KEPT, QUOTE, PARTY, "key"))
    assert "bookable.price" in str(missing)


@pytest.mark.parametrize("status", [400, 404])
async def test_a_cancel_that_somebody_was_faster_with(
    scripted: Scripted, tours: GetYourGuideSupplier, status: int
) -> None:
    scripted.say(BOOKING, booking("confirmed"), error(status), booking("canceled"))
    done = await tours.cancel(KEPT, "key")
    assert (done.already, done.fee) == (True, Money(amount=0, currency="USD"))


async def test_a_passport_that_nobody_gave(
    scripted: Scripted, tours: GetYourGuideSupplier, party: Party
) -> None:
    asked = [{"question": "traveler_passport_numbers", "mandatory": True}]
    scripted.say(OPTIONS, options(questions={"participant_questions": asked}))
    await expect(InvalidRequest, tours.quote(ITEM, party), "quote")
