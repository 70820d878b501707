"""Reservations whose card is accepted, whose hold ends and which are cancelled at one instant.

Server, workflows and contracts are real; record, venue and bank answer from memory, each at the
moment that a seed chose for it.
"""

import asyncio
import datetime as dt
import random
import uuid
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from models import calls
from models.bookings.booking import Booking, PaymentView, RefundView
from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.messages import (
    HOLD_LOST,
    PAYMENT_SIGNAL,
    REQUEST_SIGNAL,
    BookingRef,
    BookingRequest,
    CancelRequest,
    EndedRequests,
    OpenedBooking,
    Recorded,
    RequestKind,
    RequestOutcome,
    RequestsRun,
    Transition,
)
from models.bookings.problems import Code, Problem
from models.core.money import Money
from models.core.patience import Patience
from models.core.supply import Reservation
from models.payments.messages import (
    PAYMENT_METHOD_UPDATE,
    Advice,
    NewCard,
    PaymentCall,
    PaymentOutcome,
)
from models.reservations.messages import BookReservationRequest, OpenReservation
from models.suppliers.following import Noted
from models.suppliers.messages import BookedItem, CancelledItem, ItemCall
from tests.reservations.books import Diary, slot
from tests.support.fake_activities import FakeActivities
from workflows.core.policies import HOLD_RESERVE
from workflows.reservations.book_reservation import BookReservation

AMOUNT = 4_000
SOON = 2
"""Seconds for which a card is waited for."""
AROUND = (-0.2, 0.06)
"""Seconds after the end, or before it, between which everything comes: it is on its way as well."""
S = BookingState


class Life:
    """One reservation: what its seed has in store for it, and what became of it."""

    def __init__(self, seed: int, patience: Patience) -> None:
        chance = random.Random(seed)
        self.seed = seed
        self.request = request(patience)
        self.proof = chance.random() < 0.5
        """Whether the bank wants a proof; else it refuses the first card."""
        self.lost = chance.random() < 0.2
        """Whether somebody else has the place by the time at which the money is held."""
        self.pays, self.again, self.cancels = (chance.uniform(*AROUND) for _ in range(3))
        """Seconds after the end, or before it."""
        self.is_cancelled = chance.random() < 0.5
        self.told = chance.random() < 0.8
        """Whether the gateway's event arrives."""
        self.waits: asyncio.Future[dt.datetime] = asyncio.get_running_loop().create_future()
        """Until when a card is waited for, once it is."""
        self.opened: Booking | None = None
        self.transitions: list[Transition] = []
        self.ended: list[RequestOutcome] = []
        self.place = False
        self.asked = 0
        self.accepted = False
        self.released = False
        self.held = self.captured = self.refunded = 0

    @property
    def id(self) -> str:
        return self.request.booking_id

    @property
    def states(self) -> list[str]:
        """What was recorded, in order."""
        return [one.booking.state for one in self.transitions]

    # -- the record --------------------------------------------------------------------------------

    def open(self, _: OpenReservation) -> OpenedBooking:
        self.opened = self.request.new_booking(dt.datetime.now(dt.UTC))
        return OpenedBooking(version=1)

    def load(self, _: BookingRef) -> Booking:
        assert self.opened is not None
        booking = self.transitions[-1].booking if self.transitions else self.opened
        booking.items[0].quote = self.request.quote  # whose terms keep nothing
        return booking

    def record(self, step: Transition) -> Recorded | Exception:
        to = step.booking.state
        if self.lost and to is S.PROCESSING:
            return ApplicationError("gone", type=HOLD_LOST, non_retryable=True)
        version = step.booking.version + 1
        booking = step.booking.model_copy(update={"version": version})
        self.transitions.append(step.model_copy(update={"booking": booking}))
        self.ended += step.ended_requests
        if booking.payment.waits_until is not None and not self.waits.done():
            self.waits.set_result(booking.payment.waits_until)
        return Recorded(version=version)

    def end_requests(self, ended: EndedRequests) -> Noted:
        self.ended += ended.outcomes
        return Noted()

    # -- the venue ---------------------------------------------------------------------------------

    def book(self, call: ItemCall) -> BookedItem:
        self.place = True
        return BookedItem(
            reservation=Reservation(
                reference=f"{self.id}-{call.item}-1",
                supplier_id="r1",
                confirmation_code="CODE",
                provider="venue",
                price=Money(amount=AMOUNT, currency="EUR"),
            )
        )

    def cancel(self, _: ItemCall) -> CancelledItem:
        self.place = False
        return CancelledItem()

    # -- the gateway -------------------------------------------------------------------------------

    def authorise(self, _: PaymentCall) -> PaymentOutcome:
        self.asked += 1
        if self.asked == 1 and self.proof:
            return self._payment(PaymentStatus.PENDING)
        if self.asked == 1:
            declined = Problem(code=Code.PAYMENT_DECLINED, step="authorise", message="declined")
            return PaymentOutcome(refused=declined, advice=Advice.OTHER_CARD)
        self.held = AMOUNT
        return self._payment(PaymentStatus.AUTHORISED)

    def read(self, _: PaymentCall) -> PaymentOutcome:
        if self.accepted and not self.released:
            self.held = AMOUNT
            return self._payment(PaymentStatus.AUTHORISED)
        return self._payment(PaymentStatus.PENDING)

    def capture(self, _: PaymentCall) -> PaymentOutcome:
        self.held, self.captured = 0, AMOUNT
        return self._payment(PaymentStatus.SUCCEEDED)

    def give_back(self, _: PaymentCall) -> PaymentOutcome:
        if self.captured:
            return self.refund(_)
        self.held, self.released = 0, True
        return self._payment(PaymentStatus.RELEASED)

    def refund(self, _: PaymentCall) -> PaymentOutcome:
        self.refunded = self.captured
        return self._payment(PaymentStatus.REFUNDED)

    def _payment(self, status: PaymentStatus) -> PaymentOutcome:
        now = dt.datetime.now(dt.UTC)
        given = RefundView(id="re_1", amount=self.refunded, status="succeeded", at=now, key="k")
        return PaymentOutcome(
            payment=PaymentView(
                gateway="stripe",
                id="pi_1",
                payment_method_id="pm_card_visa",
                currency="EUR",
                amount=AMOUNT,
                status=status,
                authorised=self.held or self.captured,
                captured=self.captured,
                refunded=self.refunded,
                refunds=[given] if self.refunded else [],
            )
        )


def request(patience: Patience) -> BookReservationRequest:
    """Return a request for a place with a deposit, held until a card has been waited for."""
    wanted = slot()
    diary = Diary(None)  # type: ignore[arg-type]
    made = diary.request(
        wanted, amount=AMOUNT, hold_seconds=int(HOLD_RESERVE.total_seconds()) + SOON
    )
    return made.model_copy(update={"patience": patience})


def answering(lives: dict[str, Life]) -> FakeActivities:
    """Return activities that answer for each of some reservations."""
    fakes = FakeActivities()

    def on(call: Any, name: str) -> None:
        def answer(message: Any) -> Any:
            return getattr(lives[_booking_of(message)], name)(message)

        fakes.on(call, answer)

    for call, name in (
        (calls.OPEN_RESERVATION, "open"),
        (calls.LOAD_BOOKING, "load"),
        (calls.RECORD, "record"),
        (calls.END_REQUESTS, "end_requests"),
        (calls.BOOK_ITEM, "book"),
        (calls.CANCEL_ITEM, "cancel"),
        (calls.AUTHORISE, "authorise"),
        (calls.READ_PAYMENT, "read"),
        (calls.CAPTURE, "capture"),
        (calls.RETURN_PAYMENT, "give_back"),
        (calls.REFUND, "refund"),
    ):
        on(call, name)
    return fakes


def _booking_of(message: Any) -> str:
    if isinstance(message, OpenReservation):
        return message.request.booking_id
    return str(message.booking.id if isinstance(message, Transition) else message.booking_id)


class Played:
    """A life on the server."""

    def __init__(self, client: Client, life: Life) -> None:
        self._client, self._life = client, life
        self.cancel = BookingRequest(
            id=str(uuid.uuid4()),
            kind=RequestKind.CANCEL,
            requested_at=dt.datetime.now(dt.UTC),
            who="ada",
            body=CancelRequest(reason="ill").model_dump(mode="json"),
        )

    async def play(self) -> None:
        """Start it, let everything come, and wait for its end."""
        life, queue = self._life, self._life.request.patience.task_queue
        handle = await self._client.start_workflow(
            BookReservation.run, life.request, id=life.id, task_queue=queue
        )
        over: asyncio.Future[Any] = asyncio.ensure_future(handle.result())
        either: set[asyncio.Future[Any]] = {life.waits, over}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not life.waits.done():  # the machine is too busy: the hold has ended before
            life.is_cancelled = False
            return
        end = life.waits.result()

        async def at(seconds: float, coming: Any) -> None:
            left = end - dt.datetime.now(dt.UTC)
            await asyncio.sleep(left.total_seconds() + seconds)
            try:
                await coming(handle)
            except (RPCError, WorkflowUpdateFailedError):
                return  # it has ended, or waits for no card any more

        everything = [at(life.pays, self._pay), at(life.again, self._another_card)]
        if life.is_cancelled:
            everything.append(at(life.cancels, self._cancel))
        await asyncio.gather(*everything)
        await over
        await self._client.get_workflow_handle(life.id).result()

    async def _pay(self, handle: WorkflowHandle[Any, Any]) -> None:
        self._life.accepted = True
        if self._life.told:
            await handle.signal(PAYMENT_SIGNAL)

    async def _another_card(self, handle: WorkflowHandle[Any, Any]) -> None:
        card = NewCard(payment_method_id="pm_card_mastercard", who="ada")
        await handle.execute_update(PAYMENT_METHOD_UPDATE, card)

    async def _cancel(self, _: WorkflowHandle[Any, Any]) -> None:
        patience = self._life.request.patience
        await self._client.start_workflow(
            "CancelBooking",
            RequestsRun(booking_id=self._life.id, patience=patience),
            id=self._life.id,
            task_queue=patience.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=REQUEST_SIGNAL,
            start_signal_args=[self.cancel],
        )


def judge(life: Life, cancel: BookingRequest) -> str:
    """Hold a life against the facts; returns how it ended."""
    about = (life.seed, life.states)
    end = life.states[-1]
    ends = {S.CONFIRMED, S.EXPIRED, S.FAILED} & set(life.states)
    assert len(ends) + (end == S.CANCELLED and not ends) == 1, about
    assert life.held == 0, about
    kept = life.captured - life.refunded
    assert (kept, life.place) == ((AMOUNT, True) if end == S.CONFIRMED else (0, False)), about
    assert life.captured == (AMOUNT if S.CONFIRMED in life.states else 0), about
    told = [one for one in life.ended if one.request.id == cancel.id]
    assert len(told) == (life.is_cancelled), about
    if told and told[0].problem is None:
        assert end == S.CANCELLED, about
    booking = life.transitions[-1].booking
    assert (booking.captured, booking.refunded) == (life.captured, life.refunded), about
    return f"{end}{' after CONFIRMED' if end == S.CANCELLED and ends else ''}"
