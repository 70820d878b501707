"""Activities that reach the payment gateway: authorise, capture, give back, refund, look.

Money moves in two steps, and after every unanswered call the payment is read by its id before
anything is repeated (reliability.md rule 4; providers.md §1). One gateway call each, through the
attempt log, is ``activities.payments.charging``; refunds are ``activities.payments.refunding``.
"""

import asyncio
import datetime as dt
from dataclasses import asdict, replace

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
from models.core.attempts import asked_for
from models.core.database import Sessions, direct
from models.core.errors import (
    Declined,
    Fault,
    InvalidRequest,
    PaymentMethodRefused,
    Refusal,
    Retryable,
)
from models.core.keys import is_booking_id
from models.payments.messages import Advice, PaymentCall, PaymentOutcome, StrayPayment
from models.payments.repository import PaymentOnRecord, payments_on_record
from payments.core.declines import explain
from payments.core.protocol import Gateway, Payment, PaymentState


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
        if card is None:
            raise ApplicationError(
                f"booking {call.booking_id} has no payment method",
                type="NoPaymentMethod",
                non_retryable=True,
            )
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
                payment_id = call.payment_id or await self._charging.payment_id(terms)
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
        request = Request(call.key, call.keep, call.reason)
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
        money was never the company's, so nothing of it is in the ledger.
        """
        terms = await self._terms(PaymentCall(booking_id=stray.booking_id, key=stray.key))
        try:
            async with heartbeating():
                payment = await self._gateway.retrieve(stray.payment_id)
                on_record = await self._ids_on_record(stray.booking_id)
                if stray.payment_id in on_record or payment.booking_id != stray.booking_id:
                    return PaymentOutcome()
                if not await self.asked_for(stray.booking_id, payment):
                    raise InvalidRequest(
                        f"{stray.payment_id} was not asked for here; a person must say whose it is",
                        provider=self._gateway.name,
                        operation="cancel",
                        code="unknown_payment",
                    )
                if payment.state is PaymentState.CAPTURED:
                    request = Request(f"{stray.key}:refund", 0, "a payment nobody asked for")
                    await self._refunding.down_to(terms, stray.payment_id, request, stray=True)
                elif payment.state is not PaymentState.RELEASED:
                    await self._charging.release(terms, stray.payment_id, stray.key)
                return PaymentOutcome(payment=await self._read(stray.payment_id, terms))
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="refund"))
        except Fault as fault:
            raise application_error(fault) from fault

    async def is_stray(self, booking_id: str, payment_id: str) -> bool:
        """Tell whether a payment that we asked for holds or took money beside the one on record.

        One that we did not ask for is none: it may be another system's on the same account, or one
        that a restored database has forgotten (decision 52).

        Raises:
            ProviderError: no answer, or the gateway does not know the payment.
        """
        if payment_id in await self._ids_on_record(booking_id):
            return False
        payment = await self._gateway.retrieve(payment_id)
        if payment.booking_id != booking_id or payment.state is PaymentState.RELEASED:
            return False
        if payment.state is PaymentState.CAPTURED and payment.captured <= payment.refunded:
            return False
        return await self.asked_for(booking_id, payment)

    async def asked_for(self, booking_id: str, payment: Payment) -> bool:
        """Tell whether our attempt log has a request that this payment may have come from."""
        async with direct(self._sessions) as connection:
            return await asked_for(
                connection, self._gateway.name, booking_id, payment.id, payment.hold
            )

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

        Those that were never made there are left out.

        Raises:
            ProviderError: no answer, or the gateway does not know one of them.
        """
        return [
            await self._read(payment.payment_id, self._terms_of(booking_id, payment))
            for payment in await self._on_record(booking_id)
            if payment.payment_id is not None
        ]

    async def _ids_on_record(self, booking_id: str) -> set[str | None]:
        return {payment.payment_id for payment in await self._on_record(booking_id)}

    async def _on_record(self, booking_id: str) -> list[PaymentOnRecord]:
        async with direct(self._sessions) as connection:
            return await payments_on_record(connection, booking_id)

    async def _read(self, payment_id: str, terms: Terms) -> PaymentView:
        payment = await self._gateway.retrieve(payment_id)
        if not payment.captured:  # then nothing was refunded or disputed
            return view(payment, terms)
        refunds, disputes = await asyncio.gather(
            self._gateway.refunds(payment_id), self._gateway.disputes(payment_id)
        )
        return view(payment, terms, refunds, disputes)

    async def _terms(self, call: PaymentCall) -> Terms:
        for payment in await self._on_record(call.booking_id):
            if payment.number == call.payment:
                return self._terms_of(call.booking_id, replace(payment, hold=call.hold))
        raise ApplicationError(
            f"no payment {call.payment} of a booking {call.booking_id}",
            type="UnknownBooking",
            non_retryable=True,
        )

    def _terms_of(self, booking_id: str, payment: PaymentOnRecord) -> Terms:
        return Terms(**asdict(payment), booking_id=booking_id, gateway=self._gateway.name)


def _refused(refusal: Refusal, payment: PaymentView | None) -> PaymentOutcome:
    """Return a refused authorisation, in words for the traveller where the card was refused."""
    found = problem(refusal, step="authorise")
    if isinstance(refusal, Declined):
        explanation = explain(refusal.code)
        found = found.model_copy(update={"message": explanation.words})
        return PaymentOutcome(payment=payment, refused=found, advice=explanation.advice)
    usable = isinstance(refusal, PaymentMethodRefused)
    advice = Advice.OTHER_CARD if usable else None
    if usable:
        found = found.model_copy(update={"message": "This payment method cannot be used."})
    return PaymentOutcome(payment=payment, refused=found, advice=advice)
