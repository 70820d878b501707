"""How bookings come to be: the ways in which a traveller pays, or does not."""

import datetime as dt

from psycopg.types.json import Jsonb

from models.bookings.lifecycle import SETTLED_STATES
from models.core.keys import item_reference
from tests.api.conftest import body
from tests.payments.any_order.booking import LiveBooking
from tests.payments.any_order.plays import Opening

DECLINED = "pm_card_visa_chargeDeclined"
CARDS = {
    Opening.OTHER_CARD: DECLINED,
    Opening.GIVEN_UP: DECLINED,
    Opening.SECURE: "pm_card_threeDSecure2Required",
    Opening.SECURE_FAILS: "pm_card_threeDSecure2Required",
    Opening.DECLINED: "pm_card_visa_chargeDeclinedStolenCard",
    Opening.DISPUTED: "pm_card_createDispute",
    Opening.SLOW_REFUNDS: "pm_card_pendingRefund",
    Opening.RETURNS_REFUNDS: "pm_card_refundFail",
}
"""All others are good ones."""
ENDS = {Opening.DECLINED: "FAILED", Opening.GIVEN_UP: "CANCELLED"}
"""All others are confirmed."""
FIRST_ACTIVITY = 3
"""Its place in a trip that has some."""


async def book(booking: LiveBooking) -> None:
    """Book a trip, whatever it takes, and have its terms keep a part of each item."""
    opening = booking.play.opening
    sandbox = booking.stage.stack.sandbox
    trip = await sandbox.trip(currency=booking.play.currency, dates=_dates(booking.play.seed))
    booking.total = trip["totalPrice"]
    if opening is Opening.ACTIVITY_REFUSED:  # not every trip has one
        item = item_reference(booking.id, FIRST_ACTIVITY)
        await sandbox.arm("viator", "book", "refuse", reference=item)
    payload = body(trip, method=CARDS.get(opening, "pm_card_visa"))
    answer = await booking.ask(booking.stage.planner, "/booking/book", payload, booking.key)
    assert answer is not None
    assert answer.json()["bookingId"] == booking.id

    async def has_payment() -> bool:
        found = await booking.stage.row(
            "SELECT payment_intent_id AS id FROM payments WHERE booking_id = %s", booking.id
        )
        booking.payment = found["id"] or ""
        return bool(booking.payment)

    async def has_ended() -> bool:
        return await booking.state() in SETTLED_STATES

    await booking.until(has_payment, "the payment")
    await _convince(booking)
    await booking.until(has_ended, "the end of the booking")
    state = await booking.state()
    assert state == ENDS.get(opening, "CONFIRMED"), (opening, state)
    booking.log.append(f"{opening}: {booking.id}, {booking.payment} is {state}")
    await _set_fees(booking)


def _dates(number: int) -> dict[str, str]:
    """Trips are spread out, for hotels and tours have only so many places on a day."""
    start = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30 + number % 250)
    return {"start": start.isoformat(), "end": (start + dt.timedelta(days=4)).isoformat()}


async def _convince(booking: LiveBooking) -> None:
    """Do what the traveller has to do until a card is accepted, or the trip is given up."""
    opening = booking.play.opening
    if opening in {Opening.SECURE, Opening.SECURE_FAILS}:
        outcome = "succeed" if opening is Opening.SECURE else "fail"
        await booking.stage.outside.authenticate(booking.payment, outcome)

    async def sends_card() -> bool:
        path = f"/booking/{booking.id}/payment-method"
        card = {"paymentMethodId": "pm_card_mastercard"}
        return await booking.ask(booking.stage.planner, path, card) is not None

    if opening in {Opening.OTHER_CARD, Opening.SECURE_FAILS}:
        await booking.until(sends_card, "another card being asked for")
    if opening is Opening.GIVEN_UP:
        assert await booking.cancel([])


async def _set_fees(booking: LiveBooking) -> None:
    """Change the stored terms: what counts is what was stored."""
    for item in await booking.live_items():
        fee = booking.tenths(booking.play.fee_tenths, item["amount"])
        steps = Jsonb([{"until": None, "fee": fee}])
        await booking.stage.rows(
            "UPDATE booking_items SET quote = jsonb_set(CASE"
            " WHEN quote->'converted'->'terms' IS NULL THEN quote"
            " ELSE jsonb_set(quote, '{converted,terms,steps}', %s) END, '{terms,steps}', %s)"
            " WHERE booking_id = %s AND number = %s",
            steps,
            steps,
            booking.id,
            item["number"],
        )
