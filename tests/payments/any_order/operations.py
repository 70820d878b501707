"""What happens to a booking's money, done: at our API, in the dashboard, at banks."""

from tests.payments.any_order.booking import LiveBooking
from tests.payments.any_order.plays import Kind, Operation
from tests.support.money import lost_create

SORRY = "we are sorry"
UNDECIDED = frozenset({"needs_response", "warning_needs_response"})
GIVEN_BACK = frozenset({"succeeded", "pending"})


async def operate(booking: LiveBooking, operation: Operation) -> bool:
    """Do it; tells whether it was possible as things stood."""
    tenths, which = operation.tenths, operation.which
    outside, payment = booking.stage.outside, booking.payment
    match operation.kind:
        case Kind.CANCEL_ITEM:
            live = [item["component_ref"] for item in await booking.live_items()]
            return bool(live) and await booking.cancel([live[which % len(live)]])
        case Kind.CANCEL_TRIP:
            return bool(await booking.live_items()) and await booking.cancel([])
        case Kind.GOODWILL:
            return await _goodwill(booking, tenths, times=1 + which % 2)
        case Kind.REFUND | Kind.REFUND_TWICE:
            amount = await _part_of_what_is_left(booking, tenths)
            times = 2 if operation.kind is Kind.REFUND_TWICE else 1
            return any([await outside.refund(payment, amount) for _ in range(times)])
        case Kind.REFUND_REST:
            return bool(await outside.refund(payment, (await booking.charge()).left))
        case Kind.SEND_BACK:
            return await _send_back(booking, tenths, which)
        case Kind.DISPUTE | Kind.ENQUIRY:
            amount = await _part_of_what_is_left(booking, tenths)
            enquiry = operation.kind is Kind.ENQUIRY
            return bool(await outside.dispute(payment, amount, enquiry=enquiry))
        case Kind.DISPUTE_REST:
            return bool(await outside.dispute(payment, (await booking.charge()).left))
        case Kind.WON | Kind.LOST:
            outcome = "won" if operation.kind is Kind.WON else "lost"
            return await _close_dispute(booking, tenths, which, outcome)
        case Kind.STRAY_HELD | Kind.STRAY_TAKEN:
            await _stray(booking, tenths, taken=operation.kind is Kind.STRAY_TAKEN)
            return True
        case Kind.STRAY_SENT_BACK:
            return await _send_stray_back(booking, tenths, which)
        case Kind.DECIDE:
            await booking.round.new()
            await booking.settle(decide=False)
            return await booking.decide("retry" if which % 2 else "resolved")
        case Kind.LOOK:
            booking.tally.rounds += 1
            await booking.stage.watch()
            return True


async def _part_of_what_is_left(booking: LiveBooking, tenths: int) -> int:
    return booking.tenths(tenths, (await booking.charge()).left)


async def _goodwill(booking: LiveBooking, tenths: int, times: int) -> bool:
    """Refund out of goodwill; the same request may come more than once, and is granted once."""
    money = await booking.stage.row(
        "SELECT captured - refunded - paid_by_hand AS left FROM bookings WHERE id = %s",
        booking.id,
    )
    amount = booking.tenths(tenths, money["left"])
    if amount <= 0:
        return False
    payload = {"amount": amount, "currency": booking.play.currency, "reason": SORRY}
    booking.refund_requests += 1
    path, key = f"/booking/{booking.id}/refund", f"{booking.key}-{booking.refund_requests}"
    answers = [await booking.ask(booking.stage.operator, path, payload, key) for _ in range(times)]
    return answers[0] is not None


async def _send_back(booking: LiveBooking, tenths: int, which: int) -> bool:
    """Have the bank send a refund back: one of those there are, else one from the dashboard."""
    refunds = [r["id"] for r in (await booking.charge()).refunds if r["status"] in GIVEN_BACK]
    if not refunds:
        amount = await _part_of_what_is_left(booking, tenths)
        made = await booking.stage.outside.refund(booking.payment, amount)
        refunds = [made] if made else []
    if not refunds:
        return False
    return bool(await booking.stage.outside.send_back(refunds[which % len(refunds)]))


async def _close_dispute(booking: LiveBooking, tenths: int, which: int, outcome: str) -> bool:
    """Have a dispute, or an enquiry, decided: one of those that are open, else a new one."""
    charge = await booking.charge()
    disputes = [one["id"] for one in charge.complaints if one["status"] in UNDECIDED]
    if not disputes:
        amount = booking.tenths(tenths, charge.left)
        made = await booking.stage.outside.dispute(booking.payment, amount)
        disputes = [made] if made else []
    if not disputes:
        return False
    return bool(await booking.stage.outside.decide(disputes[which % len(disputes)], outcome))


async def _stray(booking: LiveBooking, tenths: int, *, taken: bool) -> None:
    amount = booking.tenths(tenths, booking.total)
    currency = booking.play.currency
    await lost_create(booking.stage.database_url, booking.id)
    made = await booking.stage.outside.stray(booking.id, amount, currency, taken=taken)
    booking.strays.append(made)


async def _send_stray_back(booking: LiveBooking, tenths: int, which: int) -> bool:
    """Have the bank send back what was refunded of a stray payment; there may have to be one."""
    refunds = await _refunds_of_strays(booking)
    if not refunds:
        await _stray(booking, tenths, taken=True)
        await booking.round.new()
        await booking.settle(decide=False)
        refunds = await _refunds_of_strays(booking)
    if not refunds:
        return False
    return bool(await booking.stage.outside.send_back(refunds[which % len(refunds)]))


async def _refunds_of_strays(booking: LiveBooking) -> list[str]:
    charges = [await booking.stage.outside.charge(stray) for stray in booking.strays]
    return [r["id"] for charge in charges for r in charge.refunds if r["status"] in GIVEN_BACK]
