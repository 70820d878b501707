"""Orders of RateHawk as its answers show them: found, looked at, cancelled."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    InvalidRequest,
    ProviderError,
    Retryable,
)
from models.core.money import Money
from models.core.supply import PropertyCharge, ReservationStatus
from suppliers.ratehawk import RateHawkSupplier
from suppliers.ratehawk.errors import FAILED
from tests.suppliers.conftest import Reply, Scripted, expect, now
from tests.suppliers.ratehawk.script import (
    PRICE,
    SCRIPT,
    amount,
    bad,
    fee,
    info,
    ok,
    order,
    reservation,
    status,
)

PENDING, CONFIRMED = ReservationStatus.PENDING, ReservationStatus.CONFIRMED
REJECTED, CANCELLED = ReservationStatus.REJECTED, ReservationStatus.CANCELLED
NEVER_BOOKED = [
    *(bad(code) for code in ("booking_finish_did_not_succeed", *FAILED)),
    status("3ds"),
]
""""It failed", "it never began": answers of ``finish/status`` that name no order."""


@pytest.fixture
async def hotels(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([bad("order_not_found")], None),
        ([bad("booking_finish_did_not_succeed"), bad("order_not_found")], None),
        ([bad("soldout"), bad("order_not_found")], None),
        ([bad("block"), bad("order_not_found")], None),
        ([status("3ds"), bad("order_not_found")], None),
        ([status("processing")], ("ref-1", PENDING)),
        ([bad("unknown")], ("ref-1", PENDING)),
        ([bad("timeout")], ("ref-1", PENDING)),
        ([status("ok")], ("ref-1", CONFIRMED)),
        (
            [bad("booking_finish_did_not_succeed"), status("processing", "ref-1-r2")],
            ("ref-1-r2", PENDING),
        ),
        ([bad("order_not_found"), status("ok", "ref-1-r2")], ("ref-1-r2", CONFIRMED)),
        (
            [
                bad("booking_finish_did_not_succeed"),
                bad("order_not_found"),
                status("ok", "ref-1-r3"),
            ],
            ("ref-1-r3", CONFIRMED),
        ),
    ],
)
async def test_find_asks_about_all_ids(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    replies: list[Reply],
    expected: tuple[str, ReservationStatus] | None,
) -> None:
    scripted.say("/booking/finish/status/", *replies)
    found = await hotels.find("ref-1", since=now())
    assert (found and (found.supplier_id, found.status)) == expected
    if found is not None:
        assert found.reference == "ref-1"
        assert found.details["price_stated"] is False


async def test_a_limit_says_how_long_to_wait(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    endpoint = {"reset": "2025-10-21T12:22:00", "remaining": 0}
    debug = {"api_endpoint": endpoint, "utcnow": "2025-10-21T12:21:01.5"}
    scripted.say("/booking/finish/status/", bad("endpoint_exceeded_limit", 429, **debug))
    error = await expect(Retryable, hotels.find("ref-1", since=now()))
    assert isinstance(error, Retryable)
    assert error.retry_after == dt.timedelta(seconds=58.5)
    for endpoint_told in (None, {"reset": "soon"}, {}):
        reply = bad("endpoint_exceeded_limit", 429, api_endpoint=endpoint_told)
        scripted.say("/booking/finish/status/", reply)
        error = await expect(Retryable, hotels.find("ref-1", since=now()))
        assert isinstance(error, Retryable)
        assert error.retry_after is None


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *((code, REJECTED) for code in ("soldout", "provider", "book_limit")),
        *((code, REJECTED) for code in ("block", "charge", "3ds")),
        ("timeout", PENDING),
        ("unknown", PENDING),
        ("order_not_found", PENDING),
        ("booking_finish_did_not_succeed", PENDING),
    ],
)
async def test_look_at_what_is_pending(
    scripted: Scripted, hotels: RateHawkSupplier, reply: str, expected: ReservationStatus
) -> None:
    scripted.say("/booking/finish/status/", bad(reply))
    pending = reservation()
    looked = await hotels.look(pending)
    assert looked.status is expected
    if expected is REJECTED:
        assert looked.details["refused"] == reply
        assert (looked.settles_by, looked.look_after) == (None, None)
    else:
        assert looked.settles_by == pending.settles_by
        assert looked.look_after is not None
        assert looked.look_after > now()
    late = reservation(settles_by=now() - dt.timedelta(seconds=1))
    if reply == "order_not_found":
        await expect(AuthConfig, hotels.look(late), "look")
    elif reply == "booking_finish_did_not_succeed":
        assert (await hotels.look(late)).status is REJECTED


@pytest.mark.parametrize("reply", [bad("unknown"), bad("timeout"), status("processing")])
async def test_what_was_confirmed_does_not_become_pending_again(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply
) -> None:
    scripted.say("/booking/finish/status/", reply)
    await expect(Retryable, hotels.look(reservation(status=CONFIRMED, settles_by=None)), "look")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, CONFIRMED),
        ({"status": "noshow"}, CONFIRMED),
        ({"status": "cancelled", "amount_payable": amount("0.00")}, CANCELLED),
        ({"status": "failed"}, REJECTED),
        ({"status": "rejected"}, REJECTED),
        ({"status": "dreamt"}, CONFIRMED),
        ({"checkin_at": "2031-05-02"}, Retryable),
        ({"checkout_at": "2031-05-05"}, Retryable),
        ({"hotel_data": {"id": "six", "hid": 6}}, Retryable),
        (
            {
                "rooms_data": [
                    {"room_name": "D", "guest_data": {"adults_number": 1, "children_number": 0}}
                ]
            },
            Retryable,
        ),
        ({"amount_payable": amount("300.51")}, Retryable),
        ({"amount_payable": amount("300.50", "EUR")}, Retryable),
        ({"partner_data": {"order_id": "another"}}, Retryable),
    ],
)
async def test_details_other_than_ordered_are_no_success(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    change: dict[str, Any],
    expected: ReservationStatus | type[ProviderError],
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", info(order(**change)))
    if isinstance(expected, type):
        await expect(expected, hotels.look(reservation()), "look")
        return
    looked = await hotels.look(reservation())
    assert (looked.status, looked.price, looked.settles_by) == (expected, PRICE, None)
    assert looked.details["hotel_confirmation"] == "361"


async def test_a_change_at_the_hotels_side_is_seen(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", info(order(checkin_at="2031-05-02")))
    looked = await hotels.look(reservation(status=CONFIRMED, settles_by=None))
    assert (looked.status, looked.details["checkin"]) == (CONFIRMED, "2031-05-02")


@pytest.mark.parametrize(
    "change",
    [
        dict.fromkeys(set(order()) - {"partner_data", "status"}),
        # As captured of old orders.
        {
            "hotel_data": {"id": "five", "order_id": None},
            "checkin_at": "2031-05-01T00:00:00:000000",
        },
        {"cancellation_info": {"policies": [{"end_at": "2021-10-23T03:00:00:000000"}]}},
        {"amount_payable": {"amount": "300.505", "currency_code": "USD"}},
        {"status": "amended_by_partner"},
    ],
)
async def test_of_an_order_that_says_little_is_known_what_was_known(
    scripted: Scripted, hotels: RateHawkSupplier, change: dict[str, Any]
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", info(order(**change)))
    for known in (reservation(), reservation(status=CONFIRMED, settles_by=None)):
        looked = await hotels.look(known)
        assert (looked.status, looked.price, looked.settles_by) == (CONFIRMED, PRICE, None)
        assert looked.confirmation_code == "89"
        assert known.details.items() <= looked.details.items(), "nothing is forgotten"
    found = await hotels.find("ref-1", since=now())
    assert found is not None
    assert found.status is CONFIRMED
    assert (await hotels.cancel_quote(reservation(status=CONFIRMED))).cancellable
    scripted.say("/order/info/", info(order(**{**change, "status": "Cancelled"})))
    assert (await hotels.look(reservation(status=CONFIRMED))).status is CANCELLED


@pytest.mark.parametrize("reply", [Reply(500, b""), bad("unknown"), Reply(200, b"no"), ok(None)])
async def test_details_that_do_not_come_decide_nothing(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply
) -> None:
    """``finish/status`` has said that it was booked; only a change since needs the details."""
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", reply)
    booked = await hotels.look(reservation())
    assert (booked.status, booked.price, booked.settles_by) == (CONFIRMED, PRICE, None)
    found = await hotels.find("ref-1", since=now())
    assert found is not None
    assert (found.status, found.details["price_stated"]) == (CONFIRMED, False)
    await expect(Retryable, hotels.look(reservation(status=CONFIRMED, settles_by=None)), "look")
    await expect(Retryable, hotels.cancel_quote(reservation()), "cancel_quote")


async def test_what_is_lacking_is_named(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    nameless = order(partner_data={"order_comment": None})
    scripted.say("/order/info/", info(nameless))
    error = await expect(Retryable, hotels.cancel_quote(reservation()), "cancel_quote")
    assert "data.orders.0.partner_data.order_id" in str(error)


async def test_what_the_hotel_takes_itself(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    def tax(name: str, value: str, included: bool) -> dict[str, Any]:
        return {"name": name, "is_included": included, "amount_tax": amount(value, "EUR")}

    taxes = [tax("city_tax", "7.505", False), tax("vat", "30", True), tax("x", "0.00", False)]
    scripted.say("/booking/finish/status/", status("ok"))
    silent = [{"name": "fee", "amount_tax": amount("1", "EUR")}, {"name": "fee"}]
    scripted.say("/order/info/", info(order(taxes=[*taxes, *silent])))
    assert (await hotels.look(reservation())).pay_at_property == (
        PropertyCharge(name="city tax", price=Money(amount=751, currency="EUR")),
        PropertyCharge(name="fee", price=Money(amount=100, currency="EUR")),
        PropertyCharge(name="fee", price=None),
    ), "what does not say whether it is included, or how much it is, is said all the same"


async def test_a_found_order_has_its_price_where_it_is_visible(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", info(order(amount_payable=amount("99.00"))))
    found = await hotels.find("ref-1", since=now())
    assert found is not None
    assert found.price == Money(amount=9900, currency="USD"), "the saga compares it"
    assert "price_stated" not in found.details


@pytest.mark.parametrize(
    "told",
    [
        ok(None),
        ok({"amount_payable": {"amount": 1, "currency_code": "USD"}}),
        ok({"amount_payable": None, "amount_refunded": amount("1")}),
        fee("-1"),
        fee("1.001"),
    ],
)
async def test_a_fee_that_cannot_be_read_is_decided_by_the_terms(
    scripted: Scripted, hotels: RateHawkSupplier, told: Reply
) -> None:
    scripted.say("/order/cancel/", told)
    done = await hotels.cancel(reservation(status=CONFIRMED), "key")
    assert (done.already, done.fee) == (False, None)


async def test_the_fee_is_what_is_payable(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    scripted.say("/order/cancel/", fee())
    done = await hotels.cancel(reservation(status=CONFIRMED), "key")
    assert (done.already, done.fee) == (False, Money(amount=4273, currency="USD"))


@pytest.mark.parametrize("code", ["order_not_found", "order_not_cancellable"])
async def test_cancelled_already(scripted: Scripted, hotels: RateHawkSupplier, code: str) -> None:
    scripted.say("/order/cancel/", bad(code))
    scripted.say("/order/info/", info(order(status="cancelled", amount_payable=amount("20"))))
    done = await hotels.cancel(reservation(status=CONFIRMED), "key")
    assert (done.already, done.fee) == (True, Money(amount=2000, currency="USD"))


@pytest.mark.parametrize(
    ("known", "shown", "standing", "expected"),
    [
        (CONFIRMED, [order()], status("ok"), Retryable),  # not visible as cancelled yet
        (CONFIRMED, [], status("ok"), Retryable),
        (PENDING, [], status("processing"), Retryable),
        (PENDING, [], bad("unknown"), Retryable),
        (PENDING, [], bad("order_not_found"), Retryable),  # may still arrive
        (CONFIRMED, [order(status="dreamt")], status("ok"), Retryable),  # it says not that it went
        (PENDING, [], bad("booking_finish_did_not_succeed"), Retryable),
        (PENDING, [], bad("soldout"), None),
        (PENDING, [], bad("book_limit"), None),
        (PENDING, [], Reply(500, b""), Retryable),
        (CONFIRMED, [], Reply(500, b""), Retryable),
        (CONFIRMED, [], bad("not_allowed"), AuthConfig),
        # Nothing names the order: the room of one that was confirmed may live.
        *((CONFIRMED, [], never, AuthConfig) for never in NEVER_BOOKED),
        *((CONFIRMED, [order()], never, AuthConfig) for never in NEVER_BOOKED),
    ],
)
async def test_cancelling_what_is_not_found(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    known: ReservationStatus,
    shown: list[dict[str, Any]],
    standing: Reply,
    expected: type[ProviderError] | None,
) -> None:
    scripted.say("/order/cancel/", bad("order_not_found"))
    scripted.say("/order/info/", info(*shown))
    scripted.say("/booking/finish/status/", standing)
    booked = reservation(status=known, **({"settles_by": None} if known is CONFIRMED else {}))
    cancelling = hotels.cancel(booked, "key")
    if expected is not None:
        await expect(expected, cancelling, "cancel")
        return
    done = await cancelling
    assert (done.already, done.fee) == (True, Money(amount=0, currency="USD"))


@pytest.mark.parametrize("reply", NEVER_BOOKED)
async def test_what_was_confirmed_is_not_refused_later(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply
) -> None:
    scripted.say("/booking/finish/status/", reply)
    known = reservation(status=CONFIRMED, settles_by=None, look_after=None)
    await expect(AuthConfig, hotels.look(known), "look")


async def test_what_nobody_knows_is_an_operators(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    scripted.say("/order/cancel/", bad("order_not_found"))
    scripted.say("/booking/finish/status/", bad("order_not_found"))
    known = reservation(status=CONFIRMED, settles_by=None)
    await expect(InvalidRequest, hotels.cancel(known, "key"), "cancel")
    await expect(AuthConfig, hotels.look(known), "look")


@pytest.mark.parametrize(
    ("change", "cancellable", "fee_now"),
    [
        ({}, True, 0),
        ({"cancellation_info": None}, True, None),
        ({"status": "cancelled"}, False, None),
        ({"checkin_at": "2020-05-01"}, False, None),
        (
            {
                "cancellation_info": {
                    "policies": [{"start_at": None, "end_at": None, "penalty": amount("300.5")}]
                }
            },
            True,
            30050,
        ),
        (
            {
                "cancellation_info": {
                    "policies": [
                        {"start_at": None, "end_at": "2020-01-01T00:00:00", "penalty": amount("0")},
                        {"start_at": "2020-01-01T00:00:00", "end_at": None, "penalty": amount("7")},
                    ]
                }
            },
            True,
            700,
        ),
    ],
)
async def test_cancel_quotes(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    change: dict[str, Any],
    cancellable: bool,
    fee_now: int | None,
) -> None:
    scripted.say("/order/info/", info(order(**change)))
    quoted = await hotels.cancel_quote(reservation(status=CONFIRMED))
    assert (quoted.cancellable, quoted.fee and quoted.fee.amount) == (cancellable, fee_now)
    assert bool(quoted.reason) is not cancellable


async def test_a_cancel_quote_before_the_order_is_visible(hotels: RateHawkSupplier) -> None:
    quoted = await hotels.cancel_quote(reservation(status=CONFIRMED))
    assert (quoted.cancellable, quoted.fee) == (True, None)
