"""Orders of RateHawk's: every row of the tables for status and cancel, and odd details."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    InvalidRequest,
    NotCancellable,
    ProviderError,
    Retryable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ReservationStatus
from suppliers.ratehawk.adapter import RateHawkSupplier
from tests.suppliers.conftest import Reply, Scripted
from tests.suppliers.ratehawk.shapes import (
    EVERYWHERE,
    NO_ANSWER,
    PRICE,
    amount,
    bad,
    expect,
    info,
    now,
    ok,
    order,
    reservation,
    scripted_hotels,
    sent,
    status,
)

PENDING, CONFIRMED = ReservationStatus.PENDING, ReservationStatus.CONFIRMED
REJECTED, CANCELLED = ReservationStatus.REJECTED, ReservationStatus.CANCELLED


@pytest.fixture
async def hotels(scripted: Scripted) -> AsyncIterator[RateHawkSupplier]:
    async with scripted_hotels(scripted) as supplier:
        yield supplier


# -- find and look ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([bad("order_not_found")], None),
        ([bad("booking_finish_did_not_succeed"), bad("order_not_found")], None),
        ([bad("soldout"), bad("order_not_found")], None),
        ([bad("block"), bad("order_not_found")], None),
        ([status("3ds"), bad("order_not_found")], None),
        ([status("processing")], ("ours-1", PENDING)),
        ([bad("unknown")], ("ours-1", PENDING)),
        ([bad("timeout")], ("ours-1", PENDING)),
        ([status("ok")], ("ours-1", CONFIRMED)),
        (
            [bad("booking_finish_did_not_succeed"), status("processing", "ours-1-r2")],
            ("ours-1-r2", PENDING),
        ),
        ([bad("order_not_found"), status("ok", "ours-1-r2")], ("ours-1-r2", CONFIRMED)),
        (
            [
                bad("booking_finish_did_not_succeed"),
                bad("order_not_found"),
                status("ok", "ours-1-r3"),
            ],
            ("ours-1-r3", CONFIRMED),
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
    found = await hotels.find("ours-1", since=now())
    assert (found and (found.supplier_id, found.status)) == expected
    if found is not None:
        assert found.reference == "ours-1"
        assert found.details["price_stated"] is False


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(500, b""), Retryable),
        (bad("unknown", 500), Retryable),
        (Reply(0), Retryable),
        (Reply(200, b"not json"), Retryable),
        (Reply(404, b""), Retryable),
        (bad("never_heard_of"), Retryable),
        (status("perhaps"), Retryable),
        (status("ok", "another"), Retryable),
        (bad("lock"), Retryable),
        (bad("endpoint_exceeded_limit", 429), Retryable),
        (bad("not_allowed"), AuthConfig),
        (bad("incorrect_credentials", 401), AuthConfig),
    ],
)
async def test_errors_on_status(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/booking/finish/status/", reply)
    await expect(expected, hotels.find("ours-1", since=now()), "find")
    await expect(expected, hotels.look(reservation()), "look")


async def test_a_limit_says_how_long_to_wait(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    endpoint = {"reset": "2025-10-21T12:22:00", "remaining": 0}
    debug = {"api_endpoint": endpoint, "utcnow": "2025-10-21T12:21:01.5"}
    scripted.say("/booking/finish/status/", bad("endpoint_exceeded_limit", 429, **debug))
    error = await expect(Retryable, hotels.find("ours-1", since=now()))
    assert isinstance(error, Retryable)
    assert error.retry_after == dt.timedelta(seconds=58.5)
    for endpoint_said in (None, {"reset": "soon"}, {}):
        reply = bad("endpoint_exceeded_limit", 429, api_endpoint=endpoint_said)
        scripted.say("/booking/finish/status/", reply)
        error = await expect(Retryable, hotels.find("ours-1", since=now()))
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
    if reply in ("order_not_found", "booking_finish_did_not_succeed"):
        late = reservation(settles_by=now() - dt.timedelta(seconds=1))
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
        ({"status": "dreamt"}, Retryable),
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
        ({"amount_payable": amount("300.505")}, Retryable),
        ({"partner_data": {"order_id": "another"}}, Retryable),
        ({"order_id": "89"}, Retryable),
        ({"rooms_data": None}, Retryable),
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


@pytest.mark.parametrize("reply", [Reply(500, b""), bad("unknown"), Reply(200, b"no"), ok(None)])
async def test_details_that_do_not_come(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", reply)
    await expect(Retryable, hotels.look(reservation()), "look")
    await expect(Retryable, hotels.find("ours-1", since=now()), "find")
    await expect(Retryable, hotels.cancel_quote(reservation()), "cancel_quote")


async def test_a_found_order_has_its_price_where_it_is_visible(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", info(order(amount_payable=amount("99.00"))))
    found = await hotels.find("ours-1", since=now())
    assert found is not None
    assert found.price == Money(amount=9900, currency="USD"), "the saga compares it"
    assert "price_stated" not in found.details


# -- cancel -------------------------------------------------------------------------------------


def fee(value: str = "42.73") -> Reply:
    return ok({"amount_payable": amount(value), "amount_refunded": amount("1")})


async def test_the_fee_is_what_is_payable(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    scripted.say("/order/cancel/", fee())
    done = await hotels.cancel(reservation(status=CONFIRMED), "key")
    assert (done.already, done.fee) == (False, Money(amount=4273, currency="USD"))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        (bad("order_not_cancellable"), NotCancellable),
        *((reply, UnknownOutcome) for reply in NO_ANSWER),
        (ok(None), UnknownOutcome),
        (ok({"amount_payable": {"amount": 1, "currency_code": "USD"}}), UnknownOutcome),
        (fee("-1"), UnknownOutcome),
        (fee("1.001"), UnknownOutcome),
    ],
)
async def test_errors_on_cancel(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/order/cancel/", reply)
    scripted.say("/order/info/", info(order()))
    await expect(expected, hotels.cancel(reservation(status=CONFIRMED), "key"), "cancel")
    assert len(sent(scripted, "/order/cancel/")) == 1


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
        (PENDING, [], bad("booking_finish_did_not_succeed"), Retryable),
        (PENDING, [], bad("soldout"), None),
        (PENDING, [], bad("book_limit"), None),
        (PENDING, [], Reply(500, b""), Retryable),
        (CONFIRMED, [], Reply(500, b""), Retryable),
        (CONFIRMED, [], bad("not_allowed"), AuthConfig),
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
    cancelling = hotels.cancel(reservation(status=known), "key")
    if expected is not None:
        await expect(expected, cancelling, "cancel")
        return
    done = await cancelling
    assert (done.already, done.fee) == (True, Money(amount=0, currency="USD"))


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
    said = await hotels.cancel_quote(reservation(status=CONFIRMED))
    assert (said.cancellable, said.fee and said.fee.amount) == (cancellable, fee_now)
    assert bool(said.reason) is not cancellable


async def test_a_cancel_quote_before_the_order_is_visible(hotels: RateHawkSupplier) -> None:
    said = await hotels.cancel_quote(reservation(status=CONFIRMED))
    assert (said.cancellable, said.fee) == (True, None)


async def test_capabilities(hotels: RateHawkSupplier) -> None:
    can = hotels.capabilities
    assert can.finds
    assert can.repeats
    assert can.confirms_later
    assert can.quotes_cancel
    others = (can.holds, can.lapses, can.lists_changes, can.changes_travelers)
    assert not any(others)
    assert can.repeat_after == dt.timedelta(seconds=60)
