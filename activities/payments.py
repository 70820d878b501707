"""Activities that reach the payment gateway: authorise, capture, give back, refund, read.

Money moves in two steps, and after every unanswered call the payment is read by its id before
anything is repeated (reliability.md rule 4; providers.md §1).
"""

import asyncio
import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attempts import DONE, NOT_DONE, AttemptLog, Intent, Past, pause_within
from activities.failures import application_error, problem
from activities.heartbeats import heartbeating
from models import calls
from models.booking import PaymentView, RefundView
from models.database import Sessions, autocommit
from models.errors import Declined, Fault, InvalidRequest, Refusal, Retryable
from models.keys import operation_key
from models.lifecycle import PaymentStatus
from models.messages import PaymentCall, PaymentOutcome
from models.money import Money
from models.tables import PAYMENTS
from payments.protocol import Gateway, Payment, PaymentState, Refund

AT_ONCE = dt.timedelta(0)
"""Repeating with the same idempotency key is safe as soon as a look-up found nothing."""


@dataclass(frozen=True)
class _Terms:
    """What the record knows of a booking's payment."""

    booking_id: str
    payment_method_id: str
    currency: str
    amount: int

    def money(self, amount: int) -> Money:
        return Money(amount=amount, currency=self.currency)


class PaymentActivities:
    """The only code that moves money; every call goes through the attempt log."""

    def __init__(self, sessions: Sessions, gateway: Gateway, settle_period: dt.timedelta) -> None:
        self._sessions = sessions
        self._log = AttemptLog(sessions)
        self._gateway = gateway
        self._settle_period = settle_period

    @activity.defn(name=calls.AUTHORISE.name)
    async def authorise_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Hold ``call.amount`` on the traveller's payment method; nothing is taken.

        The payment is created unconfirmed, its id is on record, and only then is it confirmed.
        """
        terms = await self._terms(call)
        try:
            async with heartbeating():
                created = await self._create(terms, call.amount)
                payment = await self._confirm(terms, call.key, created.id)
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="authorise"))
        except Fault as fault:
            raise application_error(fault) from fault
        return PaymentOutcome(payment=_view(payment, terms))

    @activity.defn(name=calls.READ_PAYMENT.name)
    async def read_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Read the payment as the gateway has it now."""
        terms = await self._terms(call)
        try:
            async with heartbeating():
                payment = await self._gateway.retrieve(await self._payment_id(terms))
            if payment.state is PaymentState.UNCONFIRMED and payment.decline_code is not None:
                raise Declined(
                    "the card holder could not be authenticated",
                    provider=self._gateway.name,
                    operation="retrieve",
                    code=payment.decline_code,
                )
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="authorise"))
        except Fault as fault:
            raise application_error(fault) from fault
        return PaymentOutcome(payment=_view(payment, terms))

    @activity.defn(name=calls.CAPTURE.name)
    async def capture_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Take exactly ``call.amount`` of the held money; the rest is released."""
        terms = await self._terms(call)
        try:
            async with heartbeating():
                payment_id = await self._payment_id(terms)

                async def capture(version: int) -> Payment:
                    return await self._gateway.capture(
                        payment_id,
                        amount=terms.money(call.amount),
                        key=_versioned(call.key, version),
                    )

                async def captured(_: dt.datetime) -> Payment | None:
                    payment = await self._gateway.retrieve(payment_id)
                    if payment.state is PaymentState.RELEASED:
                        raise Declined(
                            "the hold on the money has ended",
                            provider=self._gateway.name,
                            operation="capture",
                            code="authorisation_expired",
                        )
                    return payment if payment.state is PaymentState.CAPTURED else None

                payment = await self._log.once(
                    self._intent(terms, "capture", call.key),
                    Payment,
                    capture,
                    look_up=captured,
                    repeat_after=AT_ONCE,
                )
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="capture"))
        except Fault as fault:
            raise application_error(fault) from fault
        return PaymentOutcome(payment=_view(payment, terms))

    @activity.defn(name=calls.RETURN_PAYMENT.name)
    async def return_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Give all the money back: release what is held, refund what was taken.

        Written for a payment that was made, was not, or is being made this moment: first it closes
        creating, confirming and capturing for good, then it asks the gateway what there is.
        """
        terms = await self._terms(call)
        try:
            async with heartbeating():
                payment_id = await self._what_there_is(terms)
                if payment_id is None:
                    return PaymentOutcome()
                payment = await self._gateway.retrieve(payment_id)
                match payment.state:
                    case PaymentState.RELEASED:
                        pass
                    case PaymentState.CAPTURED:
                        await self._refund_down_to(terms, payment_id, 0, f"{call.key}:refund")
                    case PaymentState.PROCESSING:
                        raise Retryable(
                            "the payment is being processed",
                            provider=self._gateway.name,
                            operation="cancel",
                        )
                    case _:
                        await self._release(terms, payment_id, call.key)
                return PaymentOutcome(payment=await self._read(payment_id, terms))
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="undo"))
        except Fault as fault:
            raise application_error(fault) from fault

    @activity.defn(name=calls.REFUND.name)
    async def refund_payment(self, call: PaymentCall) -> PaymentOutcome:
        """Give back what was taken, down to ``call.keep``; what is given back already counts.

        The amount comes from the gateway's own books at that moment, so that a refund nobody saw
        the answer of, or one made by hand, is never paid a second time.
        """
        terms = await self._terms(call)
        try:
            async with heartbeating():
                payment_id = await self._payment_id(terms)
                await self._refund_down_to(terms, payment_id, call.keep, call.key)
                return PaymentOutcome(payment=await self._read(payment_id, terms))
        except Refusal as refusal:
            return PaymentOutcome(refused=problem(refusal, step="refund"))
        except Fault as fault:
            raise application_error(fault) from fault

    # -- one gateway call each, through the attempt log -----------------------------------

    async def _create(self, terms: _Terms, amount: int) -> Payment:
        intent = self._create_intent(terms)

        async def create(version: int) -> Payment:
            return await self._gateway.create(
                amount=terms.money(amount),
                payment_method_id=terms.payment_method_id,
                reference=terms.booking_id,
                metadata={"booking_id": terms.booking_id},
                key=_versioned(intent.key, version),
            )

        async def created(_: dt.datetime) -> Payment | None:
            return await self._gateway.find(terms.booking_id)

        return await self._log.once(intent, Payment, create, look_up=created, repeat_after=AT_ONCE)

    async def _confirm(self, terms: _Terms, key: str, payment_id: str) -> Payment:
        async def confirm(version: int) -> Payment:
            return await self._gateway.confirm(payment_id, key=_versioned(key, version))

        async def confirmed(_: dt.datetime) -> Payment | None:
            payment = await self._gateway.retrieve(payment_id)
            if payment.decline_code is not None or payment.state is PaymentState.RELEASED:
                raise Declined(
                    "the card was declined",
                    provider=self._gateway.name,
                    operation="confirm",
                    code=payment.decline_code,
                )
            return None if payment.state is PaymentState.UNCONFIRMED else payment

        return await self._log.once(
            self._intent(terms, "confirm", key),
            Payment,
            confirm,
            look_up=confirmed,
            repeat_after=AT_ONCE,
        )

    async def _release(self, terms: _Terms, payment_id: str, key: str) -> None:
        async def release(version: int) -> Payment:
            try:
                return await self._gateway.cancel(payment_id, key=_versioned(key, version))
            except InvalidRequest as refusal:
                if refusal.code != "captured":
                    raise
                # Taken between our look and our cancel: the next look will refund it.
                raise Retryable(
                    "the money was taken meanwhile",
                    provider=self._gateway.name,
                    operation="cancel",
                ) from refusal

        async def released(_: dt.datetime) -> Payment | None:
            payment = await self._gateway.retrieve(payment_id)
            return payment if payment.state is PaymentState.RELEASED else None

        await self._log.once(
            self._intent(terms, "cancel", key),
            Payment,
            release,
            look_up=released,
            repeat_after=AT_ONCE,
        )

    async def _refund_down_to(self, terms: _Terms, payment_id: str, keep: int, key: str) -> None:
        await self._settle_earlier_refunds(terms, key)
        payment = await self._gateway.retrieve(payment_id)
        amount = payment.captured - payment.refunded - keep
        if amount <= 0:
            return

        async def refund(version: int) -> Refund:
            return await self._gateway.refund(
                payment_id, amount=terms.money(amount), key=_versioned(key, version)
            )

        async def refunded(_: dt.datetime) -> Refund | None:
            now = await self._gateway.retrieve(payment_id)
            if now.captured - now.refunded > keep:
                return None
            return (await self._gateway.refunds(payment_id))[-1]

        await self._log.once(
            self._intent(terms, "refund", key),
            Refund,
            refund,
            look_up=refunded,
            repeat_after=AT_ONCE,
            # Under a fresh key a refund that commits late would be a second one.
            fresh_key_after=self._settle_period,
        )

    async def _settle_earlier_refunds(self, terms: _Terms, key: str) -> None:
        """Wait until refunds of earlier intentions can no longer take effect unseen."""
        unsettled = await self._log.open_attempts(terms.booking_id, self._gateway.name, "refund")
        earlier = [row for row in unsettled.rows if row.key != key]
        if not earlier:
            return
        left = Past(earlier).ended + self._settle_period - dt.datetime.now(dt.UTC)
        if left > dt.timedelta(0):
            raise Retryable(
                "an earlier refund may still be on its way",
                provider=self._gateway.name,
                operation="refund",
                retry_after=pause_within(left),
            )
        for row in earlier:
            await self._log.settle_unsettled(row.key, NOT_DONE)

    async def _what_there_is(self, terms: _Terms) -> str | None:
        """Close the payment's forward steps for good and return its id; None: there is none."""
        intent = self._create_intent(terms)
        past = await self._log.bury(intent)
        for operation in ("confirm", "capture"):
            key = operation_key(terms.booking_id, "payment", operation)
            await self._log.bury(self._intent(terms, operation, key))
        done = past.last(DONE)
        if done is not None:
            return str(done.provider_id)
        if not past.doubtful:
            return None
        found = await self._gateway.find(terms.booking_id)
        if found is not None:
            await self._log.adopt(past, found)
            return found.id
        # It was never confirmed, for its id is not on record: whatever may still appear holds no
        # money, and nobody can confirm it any more.
        await self._log.settle_unsettled(intent.key, NOT_DONE)
        return None

    async def _payment_id(self, terms: _Terms) -> str:
        past = await self._log.past(self._create_intent(terms).key)
        done = past.last(DONE)
        if done is None:
            raise ApplicationError(
                f"booking {terms.booking_id} has no payment", type="NoPayment", non_retryable=True
            )
        return str(done.provider_id)

    async def _read(self, payment_id: str, terms: _Terms) -> PaymentView:
        payment, refunds = await asyncio.gather(
            self._gateway.retrieve(payment_id), self._gateway.refunds(payment_id)
        )
        return _view(payment, terms, refunds)

    def _create_intent(self, terms: _Terms) -> Intent:
        key = operation_key(terms.booking_id, "payment", "create")
        return self._intent(terms, "create", key)

    def _intent(self, terms: _Terms, operation: str, key: str) -> Intent:
        return Intent(
            booking_id=terms.booking_id,
            provider=self._gateway.name,
            operation=operation,
            key=key,
        )

    async def _terms(self, call: PaymentCall) -> _Terms:
        async with autocommit(self._sessions) as session:
            row = (
                await session.execute(
                    select(
                        PAYMENTS.c.payment_method_id, PAYMENTS.c.currency, PAYMENTS.c.amount
                    ).where(PAYMENTS.c.booking_id == call.booking_id)
                )
            ).one_or_none()
        if row is None:
            raise ApplicationError(
                f"no booking {call.booking_id}", type="UnknownBooking", non_retryable=True
            )
        return _Terms(call.booking_id, row.payment_method_id, row.currency, row.amount)


def _versioned(key: str, version: int) -> str:
    return key if version == 1 else f"{key}.{version}"


_STATUS = {
    PaymentState.UNCONFIRMED: PaymentStatus.PENDING,
    PaymentState.ACTION_REQUIRED: PaymentStatus.PENDING,
    PaymentState.PROCESSING: PaymentStatus.PENDING,
    PaymentState.AUTHORISED: PaymentStatus.AUTHORISED,
    PaymentState.CAPTURED: PaymentStatus.SUCCEEDED,
    PaymentState.RELEASED: PaymentStatus.RELEASED,
}


def _view(payment: Payment, terms: _Terms, refunds: list[Refund] | None = None) -> PaymentView:
    status = _STATUS[payment.state]
    if payment.refunded:
        whole = payment.refunded >= payment.captured
        status = PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED
    held = {PaymentState.AUTHORISED, PaymentState.CAPTURED}
    return PaymentView(
        id=payment.id,
        charge_id=payment.charge_id,
        payment_method_id=terms.payment_method_id,
        currency=terms.currency,
        amount=terms.amount,
        status=status,
        authorised=payment.amount.amount if payment.state in held else 0,
        captured=payment.captured,
        refunded=payment.refunded,
        refunds=[
            RefundView(
                id=refund.id,
                amount=refund.amount.amount,
                status=refund.status,
                at=refund.created_at,
            )
            for refund in refunds or []
        ],
        capture_before=payment.capture_before,
        client_secret=payment.client_secret if payment.next_action else None,
        next_action=payment.next_action,
    )
