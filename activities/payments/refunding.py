"""Giving money back, once: a durable row before every refund, which owns its key.

Repeated refunds of equal amount are told apart by their rows, whose keys the gateway keeps and
tells again; an answer that never came is found there by its key (issue: "the refund row").
"""

import datetime as dt
from dataclasses import dataclass

from activities.core.attempts import AttemptLog, Intent, pause_within
from activities.payments.views import Terms
from models.core.database import Sessions, autocommit
from models.core.errors import Refusal, Retryable
from models.core.money import Money
from models.payments.refunds import (
    REQUESTED,
    RefundRequest,
    end_refund,
    open_refund,
    refund_status,
    request_refund,
)
from payments.core.protocol import Gateway, Refund

AT_ONCE = dt.timedelta(0)
REFUSED = "refused"
ALREADY_REFUNDED = "charge_already_refunded"
"""The gateway's code when less is left than a refund asks for."""


@dataclass(frozen=True)
class Request:
    """A request to give money back, down to what may be kept."""

    key: str
    """Business key of the request: it makes at most one refund."""
    keep: int
    """What stays at the gateway of what was taken (minor units)."""
    reason: str = ""


class Refunding:
    """Writes refund rows and has the gateway carry them out."""

    def __init__(
        self, sessions: Sessions, log: AttemptLog, gateway: Gateway, settle_period: dt.timedelta
    ) -> None:
        self._sessions = sessions
        self._log = log
        self._gateway = gateway
        self._settle_period = settle_period

    async def down_to(
        self, terms: Terms, payment_id: str, request: Request, *, stray: bool = False
    ) -> None:
        """Give back what was taken beyond ``request.keep``; what is given back already counts.

        The amount comes from the gateway's own books at that moment, so that a refund made by
        somebody else is not paid a second time; then it is fixed in the row. ``stray``: the payment
        is not on record.

        Raises:
            Refusal: the gateway will not. Fault: no answer; call again with the same request.
        """
        await self._settle_open(terms.booking_id, payment_id, request.keep)
        async with autocommit(self._sessions) as session:
            known = await refund_status(session, request.key)
        if known == REQUESTED:  # written since we looked: it has not been answered yet
            raise self._at_work()
        if known is not None:
            return
        amount = await self._left(payment_id, await self._gateway.refunds(payment_id), request.keep)
        if amount > 0:
            number = None if stray else terms.number
            await self._carry_out(await self._write(terms, number, payment_id, request, amount))

    async def _settle_open(self, booking_id: str, payment_id: str, keep: int) -> None:
        """Settle the refund that was written down and has no answer yet, if there is one.

        It is carried out, unless so much is not to go back any more: then somebody has given it
        back otherwise, and it is withdrawn.
        """
        async with autocommit(self._sessions) as session:
            row = await open_refund(session, booking_id)
        if row is None:
            return
        known = await self._gateway.refunds(row.payment_intent_id)
        made = next((refund for refund in known if refund.reference == row.key), None)
        if made is not None:
            past = await self._log.past(row.key)
            if past.doubtful:
                await self._log.adopt(past, made)
            await self._end(row.key, made.status, made)
        elif row.payment_intent_id == payment_id and row.amount > await self._left(
            payment_id, known, keep
        ):
            await self._withdraw(row)
        else:
            await self._carry_out(row)

    async def _left(self, payment_id: str, known: list[Refund], keep: int) -> int:
        """Return what is still to go back of a payment (minor units); ``known`` has gone.

        What the card holder's bank has taken back, or holds for a dispute, does not go back again.
        """
        payment = await self._gateway.retrieve(payment_id)
        listed = sum(r.amount.amount for r in known if r.gives_back)
        disputes = await self._gateway.disputes(payment_id) if payment.disputed else []
        withdrawn = sum(one.amount.amount for one in disputes if one.status != "won")
        return payment.captured - max(payment.refunded, listed) - withdrawn - keep

    async def _withdraw(self, row: RefundRequest) -> None:
        """Close a refund that is no longer needed, so that nobody begins it again.

        Raises:
            Retryable: an attempt that was never answered may still commit; look again.
        """
        past = await self._log.tombstone(self._intent(row))
        if past.doubtful:
            patience = past.ended + self._settle_period - dt.datetime.now(dt.UTC)
            if patience > AT_ONCE:
                raise Retryable(
                    "a refund that is no longer needed may still be made",
                    retry_after=pause_within(patience),
                    provider=self._gateway.name,
                    operation="refund",
                )
        await self._end(row.key, REFUSED, None, "no longer needed")

    def _intent(self, row: RefundRequest) -> Intent:
        return Intent(
            booking_id=row.booking_id,
            provider=self._gateway.name,
            operation="refund",
            key=row.key,
        )

    async def _carry_out(self, row: RefundRequest) -> None:
        amount = Money(amount=row.amount, currency=row.currency)

        async def refund(version: int) -> Refund:
            return await self._gateway.refund(
                row.payment_intent_id,
                amount=amount,
                reference=row.key,
                key=row.key if version == 1 else f"{row.key}.{version}",
            )

        async def refunded(_: dt.datetime) -> Refund | None:
            for known in await self._gateway.refunds(row.payment_intent_id):
                if known.reference == row.key:
                    return known
            return None

        try:
            made = await self._log.once(
                self._intent(row),
                Refund,
                refund,
                look_up=refunded,
                repeat_after=AT_ONCE,
                # Under a fresh key a refund that commits late would be a second one.
                fresh_key_after=self._settle_period,
            )
        except Refusal as refusal:
            await self._end(row.key, REFUSED, None, str(refusal))
            if refusal.code != ALREADY_REFUNDED:
                raise
            return  # by somebody else since we looked: whoever reads the payment now sees it
        await self._end(row.key, made.status, made)

    async def _write(
        self, terms: Terms, number: int | None, payment_id: str, request: Request, amount: int
    ) -> RefundRequest:
        """Write the row and return it; two workers at once write one, for only one may be open."""
        async with autocommit(self._sessions) as session:
            row = await request_refund(
                session,
                booking_id=terms.booking_id,
                payment_number=number,
                payment_intent_id=payment_id,
                amount=amount,
                currency=terms.currency,
                request=request.key,
                reason=request.reason,
            )
        if row is None:
            raise self._at_work()
        return row

    def _at_work(self) -> Retryable:
        return Retryable(
            "another worker is refunding this payment",
            provider=self._gateway.name,
            operation="refund",
        )

    async def _end(
        self, key: str, status: str, made: Refund | None, failure: str | None = None
    ) -> None:
        async with autocommit(self._sessions) as session:
            await end_refund(
                session,
                key,
                status,
                gateway_id=made.id if made else None,
                made_at=made.created_at if made else None,
                failure_reason=made.failure_reason if made else failure,
            )
