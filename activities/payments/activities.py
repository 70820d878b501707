"""Activities that reach the payment gateway: authorise, capture, give back, refund, look.

Money moves in two steps, and after every unanswered call the payment is read by its id before
anything is repeated (reliability.md rule 4; providers.md §1). One gateway call each, through the
attempt log, is ``activities.payments.charging``; refunds are ``activities.payments.refunding``.
"""

import asyncio
import datetime as dt

from sqlalchemy import select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.attempts import AttemptLog
from activities.core.failures import application_error, problem
from activities.core.heartbeats import heartbeating
from activities.payments.charging import Charging
from activities.payments.refunding import Refunding, Request
from activities.payments.views import Terms, view
from models import calls
from models.bookings.booking import PaymentView
from models.bookings.messages import BookingRef
from models.core.database import Sessions, autocommit
from models.core.errors import Declined, Fault, InvalidRequest, Refusal, Retryable
from models.payments.messages import Advice, PaymentCall, PaymentOutcome, StrayPayment
from models.payments.recorded import is_booking_id
from models.payments.tables import EVERY_PAYMENT, PAYMENTS, SUPPLEMENTS
from payments.core.declines import explain
from payments.core.protocol import Gateway, PaymentState


class PaymentActivities:
    """The only code that moves money; every call goes through the attempt log."""

    def __init__(self, sessions: Sessions, gateway: Gateway, settle_period: dt.timedelta) -> None:
        self._sessions = sessions
        self._gateway = gateway
        log = AttemptLog(sessions)
        self._charging = Charging(log, gateway)
        self._refunding = Refunding(sessions, log, gateway, settle_period)

    @activity.defn(name=calls.AUTHORISE.name)
    async def authorise_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Hold ``call.amount`` on the traveller's payment method; nothing is taken.

        The payment is created unconfirmed, its id is on record, and only then is it confirmed. A
        refused card is an answer: with the payment as it is, and what may help.
        """
        terms = await self._terms(call)
        card = call.payment_method_id or terms.payment_method_id
        created = None
        try:
            async with heartbeating():
                created = await self._charging.create(terms, call.amount)
                payment = await self._charging.confirm(terms, call.key, created.id, card)
        except Refusal as refusal:
            return _refused(refusal, view(created, terms) if created else None)
        except Fault as fault:
            raise application_error(fault) from fault
        return PaymentOutcome(payment=view(payment, terms))

    @activity.defn(name=calls.READ_PAYMENT.name)
    async def read_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Read a payment that waits for its traveller, as the gateway has it now."""
        terms = await self._terms(call)
        try:
            async with heartbeating():
                payment = await self._gateway.retrieve(await self._charging.payment_id(terms))
            if payment.state is PaymentState.UNCONFIRMED and payment.decline_code is not None:
                raise Declined(
                    "the card holder could not be authenticated",
                    provider=self._gateway.name,
                    operation="retrieve",
                    code=payment.decline_code,
                )
        except Refusal as refusal:
            return _refused(refusal, None)
        except Fault as fault:
            raise application_error(fault) from fault
        return PaymentOutcome(payment=view(payment, terms))

    @activity.defn(name=calls.CAPTURE.name)
    async def capture_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Take exactly ``call.amount`` of the held money; the rest is released."""
        terms = await self._terms(call)
        try:
            async with heartbeating():
                payment_id = await self._charging.payment_id(terms)
                payment = await self._charging.capture(terms, call.key, payment_id, call.amount)
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="capture"))
        except Fault as fault:
            raise application_error(fault) from fault
        return PaymentOutcome(payment=view(payment, terms))

    @activity.defn(name=calls.RETURN_PAYMENT.name)
    async def return_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Give all the money back: release what is held, refund what was taken.

        Written for a payment that was made, was not, or is being made this moment: first it closes
        creating, confirming and capturing for good, then it asks the gateway what there is.
        """
        terms = await self._terms(call)
        try:
            async with heartbeating():
                payment_id = await self._charging.what_there_is(terms, call.authorisations)
                if payment_id is None:
                    return PaymentOutcome()
                payment = await self._gateway.retrieve(payment_id)
                match payment.state:
                    case PaymentState.RELEASED:
                        pass
                    case PaymentState.CAPTURED:
                        request = Request(f"{call.key}:refund", 0, call.reason or "trip undone")
                        await self._refunding.down_to(terms, payment_id, request)
                    case PaymentState.PROCESSING:
                        raise Retryable(
                            "the payment is being processed",
                            provider=self._gateway.name,
                            operation="cancel",
                        )
                    case _:
                        await self._charging.release(terms, payment_id, call.key)
                return PaymentOutcome(payment=await self._read(payment_id, terms))
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="undo"))
        except Fault as fault:
            raise application_error(fault) from fault

    @activity.defn(name=calls.REFUND.name)
    async def refund_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Give back what was taken, down to ``call.keep``; what is given back already counts."""
        terms = await self._terms(call)
        request = Request(call.key, call.keep, call.reason, call.items)
        try:
            async with heartbeating():
                payment_id = terms.payment_id or await self._charging.payment_id(terms)
                await self._refunding.down_to(terms, payment_id, request)
                return PaymentOutcome(payment=await self._read(payment_id, terms))
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="refund"))
        except Fault as fault:
            raise application_error(fault) from fault

    @activity.defn(name=calls.LOOK.name)
    async def look_at_payment(self, ref: BookingRef) -> PaymentOutcome:
        """Read all payments of a booking at rest: refunds and disputes as well."""
        try:
            async with heartbeating():
                return PaymentOutcome(payments=await self.look(ref.booking_id))
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="refund"))
        except Fault as fault:
            raise application_error(fault) from fault

    @activity.defn(name=calls.RETURN_STRAY.name)
    async def return_stray_payment(self, stray: StrayPayment) -> PaymentOutcome:
        """Give back a payment under the booking's id that is not the one on record.

        It can only have come to be against our will: a worker believed dead, a late commit. Its
        money was never the house's, so nothing of it is in the ledger.
        """
        terms = await self._terms(PaymentCall(booking_id=stray.booking_id, key=stray.key))
        try:
            async with heartbeating():
                payment = await self._gateway.retrieve(stray.payment_id)
                on_record = await self._on_record(stray.booking_id)
                if stray.payment_id in on_record or payment.booking_id != stray.booking_id:
                    return PaymentOutcome()
                if payment.state is PaymentState.CAPTURED:
                    request = Request(f"{stray.key}:refund", 0, "a payment nobody asked for")
                    await self._refunding.down_to(terms, stray.payment_id, request)
                elif payment.state is not PaymentState.RELEASED:
                    await self._charging.release(terms, stray.payment_id, stray.key)
                return PaymentOutcome(payment=await self._read(stray.payment_id, terms))
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="refund"))
        except Fault as fault:
            raise application_error(fault) from fault

    async def is_stray(self, booking_id: str, payment_id: str) -> bool:
        """Tell whether a payment holds or took money for a booking that has another on record.

        Raises:
            ProviderError: no answer, or the gateway does not know the payment.
        """
        if payment_id in await self._on_record(booking_id):
            return False
        payment = await self._gateway.retrieve(payment_id)
        if payment.booking_id != booking_id or payment.state is PaymentState.RELEASED:
            return False
        return payment.state is not PaymentState.CAPTURED or payment.captured > payment.refunded

    async def booking_of(self, payment_id: str) -> str | None:
        """Return the booking that a payment names at the gateway; None when there is none such.

        Raises:
            ProviderError: no answer.
        """
        try:
            named = (await self._gateway.retrieve(payment_id)).booking_id
        except InvalidRequest:
            return None
        return named if is_booking_id(named) else None

    async def look(self, booking_id: str) -> list[PaymentView]:
        """Return a booking's payments as the gateway has them now, with refunds and disputes.

        Those that were never made there are left out. Our refund rows learn what became of them.

        Raises:
            ProviderError: no answer, or the gateway does not know one of them.
        """
        call = PaymentCall(booking_id=booking_id, key="")
        seen = []
        for number in [1, *await self._further(booking_id)]:
            terms = await self._terms(call.model_copy(update={"payment": number}), on_record=True)
            if terms.payment_id is not None:
                seen.append(await self._read(terms.payment_id, terms))
        return seen

    async def _further(self, booking_id: str) -> list[int]:
        """Return the numbers of the payments on record after the first, in order."""
        table = SUPPLEMENTS.c
        async with autocommit(self._sessions) as session:
            found = await session.scalars(
                select(table.number).where(table.booking_id == booking_id).order_by(table.number)
            )
            return [number + 1 for number in found]

    async def _on_record(self, booking_id: str) -> set[str]:
        """Return the ids of all payments that a booking has on record."""
        table = EVERY_PAYMENT.c
        async with autocommit(self._sessions) as session:
            found = await session.scalars(
                select(table.payment_intent_id).where(
                    table.booking_id == booking_id, table.payment_intent_id.is_not(None)
                )
            )
            return set(found)

    async def _read(self, payment_id: str, terms: Terms) -> PaymentView:
        payment = await self._gateway.retrieve(payment_id)
        if not payment.captured:  # then nothing was refunded or disputed
            return view(payment, terms)
        refunds, disputes = await asyncio.gather(
            self._gateway.refunds(payment_id), self._gateway.disputes(payment_id)
        )
        await self._refunding.note(refunds)
        return view(payment, terms, refunds, disputes)

    async def _terms(self, call: PaymentCall, *, on_record: bool = False) -> Terms:
        table = PAYMENTS.c
        async with autocommit(self._sessions) as session:
            row = (
                await session.execute(
                    select(
                        table.payment_intent_id,
                        table.payment_method_id,
                        table.currency,
                        table.amount,
                        table.hold,
                    ).where(table.booking_id == call.booking_id)
                )
            ).one_or_none()
        if row is None:
            raise ApplicationError(
                f"no booking {call.booking_id}", type="UnknownBooking", non_retryable=True
            )
        if call.payment > 1:
            return await self._further_terms(call, row.currency, on_record=on_record)
        return Terms(
            booking_id=call.booking_id,
            payment_id=row.payment_intent_id,
            payment_method_id=row.payment_method_id,
            currency=row.currency,
            amount=row.amount,
            hold=row.hold if on_record else call.hold,
            gateway=self._gateway.name,
        )

    async def _further_terms(self, call: PaymentCall, currency: str, *, on_record: bool) -> Terms:
        """Return the terms of a further payment, which may not be on record yet."""
        table = SUPPLEMENTS.c
        async with autocommit(self._sessions) as session:
            row = (
                await session.execute(
                    select(
                        table.payment_intent_id,
                        table.payment_method_id,
                        table.amount,
                        table.hold,
                    ).where(table.booking_id == call.booking_id, table.number == call.payment - 1)
                )
            ).one_or_none()
        return Terms(
            booking_id=call.booking_id,
            payment_id=row.payment_intent_id if row else None,
            payment_method_id=row.payment_method_id if row else call.payment_method_id or "",
            currency=currency,
            amount=row.amount if row else call.amount,
            hold=row.hold if row and on_record else call.hold,
            number=call.payment,
            gateway=self._gateway.name,
        )


def _refused(refusal: Refusal, payment: PaymentView | None) -> PaymentOutcome:
    """Return a refused authorisation, in words for the traveller where the card was refused."""
    found = problem(refusal, step="authorise")
    if isinstance(refusal, Declined):
        said = explain(refusal.code)
        found = found.model_copy(update={"message": said.words})
        return PaymentOutcome(payment=payment, refused=found, advice=said.advice)
    # An unknown or unusable payment method; without a payment it is our own mistake.
    usable = isinstance(refusal, InvalidRequest) and payment is not None
    advice = Advice.OTHER_CARD if usable else None
    if usable:
        found = found.model_copy(update={"message": "This payment method cannot be used."})
    return PaymentOutcome(payment=payment, refused=found, advice=advice)
