"""Cancelling at Duffel: a pending cancellation says what comes back, confirming it cancels."""

from collections.abc import Awaitable
from typing import Any, Final, Protocol

from models.core.errors import InvalidRequest, NotCancellable, ProviderError, Retryable
from models.core.money import Money
from models.core.paths import segment
from models.core.supply import Cancellation, CancelQuote
from suppliers.core.answers import JsonAnswer
from suppliers.duffel.errors import error_of, failure, read_failure
from suppliers.duffel.lookup import Lookup
from suppliers.duffel.orders import CancellationAnswer, OrderCancellation
from suppliers.duffel.requests import NAME

_NOT_CANCELLABLE: Final = frozenset({"order_not_cancellable", "unsupported_action"})
_STALE: Final = frozenset({"order_cancellation_stale", "order_cancellation_expired"})
"""Only the newest pending cancellation can be confirmed, until it expires: ask anew."""


class Call(Protocol):
    """Sends a request for an operation."""

    def __call__(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        changes: bool = False,
        body: dict[str, Any] | None = None,
    ) -> Awaitable[JsonAnswer]:
        """Return the answer, of whatever status."""
        ...


class Cancelling:
    """The half of the adapter that gives orders back."""

    def __init__(self, call: Call, lookup: Lookup) -> None:
        self._call = call
        self._lookup = lookup

    async def quote(self, order_id: str, price: Money) -> CancelQuote:
        """Say what cancelling would cost now. Nothing is cancelled.

        Raises:
            Retryable: no answer.
            AuthConfig: an operator must mend it.
        """
        answer = await self._ask(order_id)
        if answer.ok:
            refund = _about(answer, order_id)
            return CancelQuote(fee=refund.fee(price), expires_at=refund.expires_at)
        _, code, words = error_of(answer)
        if code == "already_cancelled":
            return CancelQuote(fee=await self._kept(order_id, price))
        if code in _NOT_CANCELLABLE:
            return CancelQuote(cancellable=False, reason=words)
        raise read_failure(answer)

    async def cancel(self, order_id: str, price: Money) -> Cancellation:
        """Cancel an order; one that is cancelled already counts as success.

        Raises:
            NotCancellable: not through the API, or not any more.
            Retryable, UnknownOutcome: no answer; repeating is safe.
        """
        asked = await self._ask(order_id)
        if not asked.ok:
            return await self._not_cancelled(asked, order_id, price)
        refund = _about(asked, order_id)
        pending = segment(refund.id, provider=NAME, operation="cancel")
        answer = await self._call(
            "POST",
            f"/air/order_cancellations/{pending}/actions/confirm",
            "cancel",
            changes=True,
        )
        if not answer.ok:
            return await self._not_cancelled(answer, order_id, price)
        done = _about(answer, order_id)
        if not done.confirmed_at:
            raise answer.unsettled("Duffel confirmed a cancellation that is not confirmed")
        return Cancellation(
            fee=done.fee(price),
            details={"cancellation": done.id, "refund_to": done.refund_to},
        )

    async def _ask(self, order_id: str) -> JsonAnswer:
        # A cancellation that nobody confirms lapses: asking for one changes nothing.
        return await self._call(
            "POST", "/air/order_cancellations", "cancel", body={"order_id": order_id}
        )

    async def _not_cancelled(self, answer: JsonAnswer, order_id: str, price: Money) -> Cancellation:
        _, code, words = error_of(answer)
        if code == "already_cancelled":
            return Cancellation(already=True, fee=await self._kept(order_id, price))
        if code in _NOT_CANCELLABLE:
            raise answer.failure(NotCancellable, words, code=code)
        if code in _STALE:
            raise answer.failure(Retryable, words, code=code)
        if code == "not_found":
            raise answer.failure(InvalidRequest, f"Duffel knows no order {order_id}", code=code)
        raise failure(answer)

    async def _kept(self, order_id: str, price: Money) -> Money | None:
        # It is cancelled whatever this read says: without it the terms decide the fee.
        try:
            order, _ = await self._lookup.order(order_id, "cancel")
            return order.cancellation.fee(price) if order.cancellation else None
        except ProviderError:
            return None


def _about(answer: JsonAnswer, order_id: str) -> OrderCancellation:
    refund = answer.parse(CancellationAnswer).data
    if refund.order_id != order_id:
        raise answer.unsettled(
            f"Duffel answered about order {refund.order_id}, not {order_id}",
            code="malformed_answer",
        )
    return refund
