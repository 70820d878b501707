"""Histories of what is bought of providers (``record_histories``): paid, refused, resold."""

from models.bookings.messages import CancelRequest, RequestKind
from models.bookings.problems import Code
from models.marketplace.stock.messages import PayRequest
from tests.ledger.conftest import Books
from tests.marketplace.buying.till import Till
from tests.marketplace.stock.offers import seats
from tests.support.recorder import Recorder


async def buying(to: Recorder) -> None:
    """Confirmed, free, declined, resold, refused; cancelled while held and later."""
    till = Till(to.stack, Books(to.stack.settings.database.url))
    await till.open()
    kind, visa = RequestKind.PAY, PayRequest(payment_method_id="pm_card_visa")
    bought = await to.asked("confirmed", kind, await till.held_stay(), visa)
    await to.asked("paid_before", kind, bought, visa, Code.NOT_CHANGEABLE)
    free = await till.hold(seats(await till.departure(), 2))
    await to.asked("confirmed_free", kind, free, PayRequest())
    held = await till.held_stay()
    await to.arm(held.id, ("stripe", "capture", "refuse"))
    await to.asked("confirmed_on_a_second_hold", kind, held, visa)
    held = await till.held_stay()
    await to.arm(held.id, ("stripe", "confirm", "refuse"), times=9)
    await to.asked("expired_declined", kind, held, visa, Code.PAYMENT_DECLINED)
    held = await till.held_stay()
    await till.age(held)
    await till.sweep()
    await to.asked("confirmed_when_taken_again", kind, held, visa)
    room = await till.room()
    late = await till.held_stay(room)
    await till.age(late)
    await till.held_stay(room)
    await to.asked("expired_resold", kind, late, visa, Code.HOLD_EXPIRED)
    kind, ill = RequestKind.CANCEL, CancelRequest(reason="ill")
    await to.asked("cancelled_a_held_stay", kind, await till.held_stay(), ill)
    await to.asked("cancelled_a_stay", kind, bought, ill)
    await till.books.engine.dispose()
