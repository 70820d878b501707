"""Booking.com's answers that are no errors, or not by themselves: tokens, terms, fees, look-ups."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    Duplicate,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
)
from models.core.money import Money
from models.core.supply import ReservationStatus
from suppliers.booking_com import BookingComSupplier
from tests.suppliers.booking_com.script import (
    CREATED,
    DEADLINE,
    ITEM,
    PARTY,
    PRICE,
    QUOTE,
    RESERVATION,
    SCRIPT,
    SHOWN,
    detail,
    error,
    preview,
    room,
    told,
)
from tests.suppliers.conftest import Reply, Scripted, now


@pytest.fixture
async def hotels(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


@pytest.mark.parametrize("code", ["expired_token", "invalid_token"])
@pytest.mark.parametrize(
    ("fresh", "listed", "expected"),
    [
        (preview(), [], None),
        (preview(330.55), [], PriceChanged),
        (preview(), [{"id": "41", "label": "ref-1"}], Duplicate),
        (preview(), [{"id": "41", "label": "another"}], None),
    ],
)
async def test_a_token_that_is_gone(
    scripted: Scripted,
    hotels: BookingComSupplier,
    code: str,
    fresh: dict[str, Any],
    listed: list[dict[str, Any]],
    expected: type[ProviderError] | None,
) -> None:
    scripted.say("/orders/create", error(400, code), told(CREATED))
    scripted.say("/orders/details", told(listed))
    scripted.say("/orders/preview", told(fresh))
    if expected is None:
        booked = await hotels.book(ITEM, QUOTE, PARTY, "ref-1")
        assert (booked.supplier_id, booked.confirmation_code) == ("41", "77")
        return
    with pytest.raises(expected) as caught:
        await hotels.book(ITEM, QUOTE, PARTY, "ref-1")
    assert sum(path.endswith("/orders/create") for path, _ in scripted.requests) == 1
    if isinstance(caught.value, PriceChanged):
        assert caught.value.new_price == Money(amount=33055, currency="USD")


async def test_a_token_that_is_gone_twice_is_asked_again_later(
    scripted: Scripted, hotels: BookingComSupplier
) -> None:
    scripted.say("/orders/create", error(400, "expired_token"))
    scripted.say("/orders/details", told([]))
    with pytest.raises(Retryable):
        await hotels.book(ITEM, QUOTE, PARTY, "ref-1")


async def test_stricter_terms_are_not_taken_silently(
    scripted: Scripted, hotels: BookingComSupplier
) -> None:
    fresh = preview()
    fresh["accommodation"]["products"][0]["policies"]["cancellation"] = {
        "type": "non_refundable",
        "schedule": [{"from": "now", "price": {"booker_currency": 300.5}}],
    }
    scripted.say("/orders/create", error(400, "expired_token"), told(CREATED))
    scripted.say("/orders/details", told([]))
    scripted.say("/orders/preview", told(fresh))
    with pytest.raises(Unavailable, match="terms"):
        await hotels.book(ITEM, QUOTE, PARTY, "ref-1")


async def test_what_only_the_traveller_could_pay_is_not_for_us(
    scripted: Scripted, hotels: BookingComSupplier
) -> None:
    answer = preview()
    policies = answer["accommodation"]["products"][0]["policies"]
    policies["payment"]["timings"] = ["pay_at_the_property"]
    scripted.say("/orders/preview", told(answer))
    with pytest.raises(Unavailable, match="paid"):
        await hotels.quote(ITEM, PARTY)


async def test_terms_come_from_the_schedule(scripted: Scripted, hotels: BookingComSupplier) -> None:
    answer = preview()
    policies = answer["accommodation"]["products"][0]["policies"]
    policies["cancellation"] = {
        "type": "special_conditions",
        "schedule": [
            {"from": "now", "price": {"booker_currency": 10}},
            {"from": "2031-04-20T12:00:00+02:00", "price": {"booker_currency": 150.25}},
            {"from": DEADLINE, "price": {"booker_currency": 999}},
        ],
    }
    scripted.say("/orders/preview", told(answer))
    terms = (await hotels.quote(ITEM, PARTY)).terms
    assert [(step.until and step.until.isoformat(), step.fee) for step in terms.steps] == [
        ("2031-04-20T12:00:00+02:00", 1000),
        (DEADLINE, 15025),
        (None, 30050),
    ]
    policies["cancellation"]["schedule"].reverse()
    with pytest.raises(Retryable):
        await hotels.quote(ITEM, PARTY)
    policies["cancellation"] = {"type": "unheard_of"}
    terms = (await hotels.quote(ITEM, PARTY)).terms
    assert terms.fee_at(now(), PRICE.amount) == PRICE.amount


@pytest.mark.parametrize("status", ["cancelled", "cancelled_by_guest", "cancelled_by_hotel"])
async def test_cancel_409_on_a_cancelled_order_is_success(
    scripted: Scripted, hotels: BookingComSupplier, status: str
) -> None:
    scripted.say("/orders/cancel", error(409, "whatever"))
    kept = {"fee": {"booker_currency": 20}}
    scripted.say(SHOWN, told([detail(status=status, cancellation_details=kept)]))
    done = await hotels.cancel(RESERVATION, "key")
    assert done.already
    assert done.fee == Money(amount=2000, currency="USD")


async def test_find_sees_a_live_order_first_and_names_a_second(
    scripted: Scripted, hotels: BookingComSupplier
) -> None:
    listed = [{"id": number, "label": "ref-1"} for number in (40, "41", "42")]
    scripted.say("/orders/details", told(listed))
    orders = [detail(id="40", status="cancelled"), detail(), detail(id=42)]
    scripted.say(SHOWN, told(orders))
    found = await hotels.find("ref-1", since=now())
    assert found is not None
    assert found.supplier_id == "41"
    assert found.price == PRICE
    assert found.details["also_live"] == ["42"]


@pytest.mark.parametrize(
    "shown", [told([]), told([detail(label="another")]), told([detail(status="dreamt")])]
)
async def test_find_does_not_guess(
    scripted: Scripted, hotels: BookingComSupplier, shown: Reply
) -> None:
    scripted.say("/orders/details", told([{"id": "41", "label": "ref-1"}]))
    scripted.say(SHOWN, shown)
    with pytest.raises(Retryable):
        await hotels.find("ref-1", since=now())


async def test_a_list_without_end_is_given_up(
    scripted: Scripted, hotels: BookingComSupplier
) -> None:
    scripted.say("/orders/details", told([], metadata={"next_page": "more"}))
    with pytest.raises(Retryable, match="end"):
        await hotels.find("ref-1", since=now())


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (told([detail()]), NotCancellable),
        (told([detail(status="no_show")]), NotCancellable),
        (error(500, "x"), Retryable),
        (told([detail(status="dreamt")]), Retryable),
    ],
)
async def test_what_a_refused_cancellation_finds(
    scripted: Scripted, hotels: BookingComSupplier, shown: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/orders/cancel", error(409, "x"))
    scripted.say(SHOWN, shown)
    with pytest.raises(ProviderError) as caught:
        await hotels.cancel(RESERVATION, "key")
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("products", "fee", "changes"),
    [
        ([], None, False),
        ([{}], None, False),
        ([room((-9, 0), (3, 20), (5, 300.5))], 0, True),
        ([room((-9, 0), (-3, 20), (5, 300.5))], 2000, True),
        ([room((5, 300.5), (-3, 20), (-9, 0))], 2000, True),
        ([room((-9, 0), (-3, 300.5))], 30050, False),
        ([room((-9, 0), (-3, 20)), room((-9, 5), (1, 50))], 2500, True),
        ([room((-9, 0), (-3, 20)), room()], None, False),
        ([room((1, 3), (5, 9))], 300, True),
    ],
)
async def test_the_fee_of_the_moment(
    scripted: Scripted,
    hotels: BookingComSupplier,
    products: list[dict[str, Any]],
    fee: int | None,
    changes: bool,
) -> None:
    scripted.say(SHOWN, told([detail(products=products)]))
    quote = await hotels.cancel_quote(RESERVATION)
    assert quote.cancellable
    assert quote.fee == (None if fee is None else Money(amount=fee, currency="USD"))
    assert (quote.expires_at is not None and quote.expires_at > now()) == changes


@pytest.mark.parametrize("status", ["stayed", "no_show"])
async def test_a_stay_that_is_over(
    scripted: Scripted, hotels: BookingComSupplier, status: str
) -> None:
    scripted.say(SHOWN, told([detail(status=status)]))
    assert not (await hotels.cancel_quote(RESERVATION)).cancellable
    seen = await hotels.look(RESERVATION)
    assert seen.status is ReservationStatus.CONFIRMED
    assert (seen.details["kept"], seen.details["checkin"]) == ("yes", "2031-05-01")
