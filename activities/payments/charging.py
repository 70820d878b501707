"""One gateway call each, through the attempt log: create, confirm, capture, release.

Keys name the booking, the payment, the step and a count: ``create`` and ``capture`` count the
payments of the booking at the gateway (a hold that lapsed is replaced by another one), ``confirm``
counts the authorisations of this payment.
"""

import asyncio
import datetime as dt
from typing import Final

from temporalio.exceptions import ApplicationError

from activities.core.attempts import DONE, NOT_DONE, AttemptLog, Intent
from activities.payments.views import Terms
from models.core.errors import Declined, InvalidRequest, Refusal, Retryable
from models.core.keys import payment_key
from payments.core.declines import explain
from payments.core.protocol import Gateway, Payment, PaymentState

AT_ONCE = dt.timedelta(0)
"""Repeating with the same idempotency key is safe as soon as a look-up found nothing."""

SAME_CARD: Final = 3
"""How often one card is tried when its bank says "try again later" (providers.md §1)."""
PAUSE_SECONDS: Final = 0.5


class Charging:
    """What is done to a payment until it is captured or released."""

    def __init__(self, log: AttemptLog, gateway: Gateway) -> None:
        self._log = log
        self._gateway = gateway

    async def create(self, terms: Terms, amount: int) -> Payment:
        """Make the payment, unconfirmed: no money moves."""
        intent = self._create_intent(terms)

        async def create(version: int) -> Payment:
            return await self._gateway.create(
                amount=terms.money(amount),
                reference=terms.booking_id,
                hold=terms.hold,
                key=_versioned(intent.key, version),
            )

        async def created(began: dt.datetime) -> Payment | None:
            try:
                return await self._gateway.find(terms.booking_id, hold=terms.hold, since=began)
            except Refusal:
                return None  # no look-up is no "no": the same key settles it

        return await self._log.once(intent, Payment, create, look_up=created, repeat_after=AT_ONCE)

    async def confirm(self, terms: Terms, key: str, payment_id: str, card: str) -> Payment:
        """Have the money held on ``card``; a bank that is out of order is asked again.

        A decline is replayed under its key, so each further try has a key of its own.

        Raises:
            Refusal: the card is refused. Fault: no answer.
        """
        for attempt in range(1, SAME_CARD + 1):
            try:
                return await self._confirm_once(terms, _again(key, attempt), payment_id, card)
            except Declined as refusal:
                if attempt == SAME_CARD or not explain(refusal.code).transient:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError("the last attempt answers or raises")

    async def _confirm_once(self, terms: Terms, key: str, payment_id: str, card: str) -> Payment:
        async def confirm(version: int) -> Payment:
            return await self._gateway.confirm(
                payment_id, payment_method_id=card, key=_versioned(key, version)
            )

        async def confirmed(_: dt.datetime) -> Payment | None:
            payment = await self._gateway.retrieve(payment_id)
            if payment.state is PaymentState.RELEASED:
                raise self._expired("the payment has been cancelled", "confirm")
            # Unconfirmed, with or without a decline (it may be an earlier card's): the same key
            # gets the same answer again, or the first one.
            return None if payment.state is PaymentState.UNCONFIRMED else payment

        return await self._log.once(
            self._intent(terms, "confirm", key),
            Payment,
            confirm,
            look_up=confirmed,
            repeat_after=AT_ONCE,
        )

    async def capture(self, terms: Terms, key: str, payment_id: str, amount: int) -> Payment:
        """Take ``amount`` (minor units) of what is held; the rest is released."""

        async def capture(version: int) -> Payment:
            return await self._gateway.capture(
                payment_id, amount=terms.money(amount), key=_versioned(key, version)
            )

        async def captured(_: dt.datetime) -> Payment | None:
            payment = await self._gateway.retrieve(payment_id)
            if payment.state is PaymentState.RELEASED:
                raise self._expired("the hold on the money has ended", "capture")
            return payment if payment.state is PaymentState.CAPTURED else None

        return await self._log.once(
            self._intent(terms, "capture", key),
            Payment,
            capture,
            look_up=captured,
            repeat_after=AT_ONCE,
        )

    async def release(self, terms: Terms, payment_id: str, key: str) -> None:
        """Release a payment that was not captured."""

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

    async def what_there_is(self, terms: Terms, authorisations: int) -> str | None:
        """Close the payment's forward steps for good and return its id; None: there is none."""
        intent = self._create_intent(terms)
        past = await self._log.tombstone(intent)
        capture = payment_key(terms.booking_id, terms.number, "capture", terms.hold)
        confirms = [
            _again(payment_key(terms.booking_id, terms.number, "confirm", count), attempt)
            for count in range(1, authorisations + 1)
            for attempt in range(1, SAME_CARD + 1)
        ]
        await self._log.tombstone_all(
            [
                self._intent(terms, "capture", capture),
                *(self._intent(terms, "confirm", key) for key in confirms),
            ]
        )
        done = past.last(DONE)
        if done is not None:
            return str(done.provider_id)
        if not past.doubtful:
            # Of a booking long at rest the record knows the payment.
            return terms.payment_id
        found = await self._gateway.find(terms.booking_id, hold=terms.hold, since=past.began)
        if found is not None:
            await self._log.adopt(past, found)
            return found.id
        # It was never confirmed, for its id is not on record: whatever may still appear holds no
        # money, and nobody can confirm it any more.
        await self._log.settle_unsettled(intent.key, NOT_DONE)
        return None

    async def payment_id(self, terms: Terms) -> str:
        """Return the id of the payment that was made. Raises ApplicationError: there is none."""
        past = await self._log.past(self._create_intent(terms).key)
        done = past.last(DONE)
        if done is None:
            raise ApplicationError(
                f"booking {terms.booking_id} has no payment", type="NoPayment", non_retryable=True
            )
        return str(done.provider_id)

    def _expired(self, why: str, operation: str) -> Declined:
        return Declined(
            why, provider=self._gateway.name, operation=operation, code="authorisation_expired"
        )

    def _create_intent(self, terms: Terms) -> Intent:
        key = payment_key(terms.booking_id, terms.number, "create", terms.hold)
        return self._intent(terms, "create", key)

    def _intent(self, terms: Terms, operation: str, key: str) -> Intent:
        return Intent(
            booking_id=terms.booking_id,
            provider=self._gateway.name,
            operation=operation,
            key=key,
        )


def _versioned(key: str, version: int) -> str:
    return key if version == 1 else f"{key}.{version}"


def _again(key: str, attempt: int) -> str:
    return key if attempt == 1 else f"{key}:{attempt}"
