"""A gateway in memory that moves no real money: it loses answers, commits late, stores its errors.

It keeps Stripe's rules: the same idempotency key has the same answer, a stored 5xx included; a
payment is captured once, released only while it is held, and refunded up to what was captured.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from models.core.errors import (
    Declined,
    InvalidRequest,
    ProviderError,
    Refusal,
    Retryable,
    UnknownOutcome,
)
from models.core.money import Money
from payments.core.protocol import (
    Dispute,
    Payment,
    PaymentEvent,
    PaymentMethod,
    PaymentState,
    Refund,
)
from tests.support.interleaving import Dice, gate

Made = TypeVar("Made", bound=BaseModel)

S = PaymentState
KINDS = ["done", "lost before", "lost after", "late", "not now", "error before", "error after"]
"""How a call that moves money may end, the calm first."""


@dataclass
class Late:
    """Something that was asked for and takes effect some time."""

    key: str
    commit: Callable[[], BaseModel]


@dataclass
class MemoryGateway:
    """The gateway's own books; implements ``payments.core.protocol.Gateway``."""

    dice: Dice
    name: str = "stripe"
    late_errors: frozenset[str] = frozenset({"refund"})
    """Operations that may take effect after they were answered with a 5xx."""
    books: dict[str, Payment] = field(default_factory=dict)
    given_back: list[Refund] = field(default_factory=list)
    effects: list[tuple[str, str]] = field(default_factory=list)
    """What happened, in order: effect and payment id, or refund reference."""
    late: list[Late] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    _answers: dict[str, BaseModel | ProviderError] = field(default_factory=dict)

    # -- what moves money -----------------------------------------------------------------

    async def create(self, *, amount: Money, reference: str, hold: int = 1, key: str) -> Payment:
        def commit() -> Payment:
            number = len(self.books) + 1
            payment = Payment(
                id=f"pi_{reference[:8]}_{number}",
                state=S.UNCONFIRMED,
                amount=amount,
                booking_id=reference,
                charge_id=f"{hold}",
            )
            return self._now(payment, "created")

        return await self._do("create", key, commit)

    async def confirm(self, payment_id: str, *, payment_method_id: str, key: str) -> Payment:
        def commit() -> Payment:
            payment = self._payment(payment_id, "confirm")
            if payment.state is S.RELEASED:
                raise Declined("cancelled", code="authorisation_expired", **self._at("confirm"))
            if payment.state is not S.UNCONFIRMED:
                return payment
            held = payment.model_copy(update={"state": S.AUTHORISED})
            return self._now(held, "authorised")

        return await self._do("confirm", key, commit)

    async def capture(self, payment_id: str, *, amount: Money, key: str) -> Payment:
        def commit() -> Payment:
            payment = self._payment(payment_id, "capture")
            if payment.state is S.CAPTURED:
                return payment
            if payment.state is not S.AUTHORISED:
                raise Declined("no hold", code="authorisation_expired", **self._at("capture"))
            taken = {"state": S.CAPTURED, "captured": amount.amount}
            return self._now(payment.model_copy(update=taken), "captured")

        return await self._do("capture", key, commit)

    async def cancel(self, payment_id: str, *, key: str) -> Payment:
        def commit() -> Payment:
            payment = self._payment(payment_id, "cancel")
            if payment.state is S.CAPTURED:
                raise InvalidRequest("captured", code="captured", **self._at("cancel"))
            if payment.state is S.RELEASED:
                return payment
            return self._now(payment.model_copy(update={"state": S.RELEASED}), "released")

        return await self._do("cancel", key, commit)

    async def refund(self, payment_id: str, *, amount: Money, reference: str, key: str) -> Refund:
        return await self._do("refund", key, lambda: self.give_back(payment_id, amount, reference))

    def give_back(self, payment_id: str, amount: Money, reference: str | None = None) -> Refund:
        """Refund, as the gateway does it; without a reference it is somebody in the dashboard."""
        payment = self._payment(payment_id, "refund")
        if amount.amount > payment.captured - payment.refunded:
            raise InvalidRequest(
                "more than is left", code="charge_already_refunded", **self._at("refund")
            )
        refund = Refund(
            id=f"re_{payment_id}_{len(self.given_back) + 1}",
            amount=amount,
            status="succeeded",
            created_at=dt.datetime.now(dt.UTC),
            reference=reference,
        )
        self.given_back.append(refund)
        back = payment.model_copy(update={"refunded": payment.refunded + amount.amount})
        self.books[payment_id] = back
        self.effects.append(("refunded", reference or "somebody"))
        return refund

    def land(self) -> None:
        """Have everything late take effect, where it still can."""
        waiting, self.late = self.late, []
        for one in waiting:
            self._settle(one.key, one.commit)

    # -- what only reads ------------------------------------------------------------------

    async def retrieve(self, payment_id: str) -> Payment:
        await self._look("retrieve")
        return self._payment(payment_id, "retrieve")

    async def find(
        self, reference: str, *, hold: int = 1, since: dt.datetime | None = None
    ) -> Payment | None:
        await self._look("find")
        found = [
            p for p in self.books.values() if (p.booking_id, p.charge_id) == (reference, str(hold))
        ]
        return found[0] if found else None

    async def refunds(self, payment_id: str) -> list[Refund]:
        await self._look("refunds")
        return [r for r in self.given_back if r.id.startswith(f"re_{payment_id}_")]

    async def disputes(self, payment_id: str) -> list[Dispute]:
        return []

    async def payments(self, since: dt.datetime, until: dt.datetime) -> list[Payment]:
        return list(self.books.values())

    async def payment_method(self, payment_method_id: str) -> PaymentMethod:
        return PaymentMethod(id=payment_method_id, type="card")

    def verify_webhook(self, payload: bytes, headers: Mapping[str, str]) -> PaymentEvent:
        raise InvalidRequest("no webhooks here", **self._at("webhook"))

    async def close(self) -> None:
        """Nothing is open."""

    # -- how calls end --------------------------------------------------------------------

    async def _do(self, operation: str, key: str, commit: Callable[[], Made]) -> Made:
        await gate(operation)
        kinds = KINDS + ["late error"] * (3 if operation in self.late_errors else 0)
        kind = self.dice.pick(kinds)
        self.log.append(f"{operation} {key[-12:]}: {kind}")
        if key in self._answers:
            return self._replay(key, commit)
        if any(one.key == key for one in self.late):
            raise Retryable("the first request is being worked at", **self._at(operation))
        if kind == "not now":
            raise Retryable("busy", **self._at(operation))
        if kind in {"late", "late error"}:
            self.late.append(Late(key, commit))
        if kind in {"error before", "late error"}:
            self._answers[key] = self._error(operation)
            return self._replay(key, commit)
        if kind in {"late", "lost before"}:
            raise UnknownOutcome("timeout", **self._at(operation))
        self._settle(key, commit)
        if kind == "error after":
            self._answers[key] = self._error(operation)
        if kind == "lost after":
            raise UnknownOutcome("timeout", **self._at(operation))
        return self._replay(key, commit)

    def _settle(self, key: str, commit: Callable[[], BaseModel]) -> None:
        try:
            answer: BaseModel | ProviderError = commit()
        except Refusal as refusal:
            answer = refusal
        self._answers.setdefault(key, answer)

    def _replay(self, key: str, _: Callable[[], Made]) -> Made:
        """Answer as the first request under this key was answered."""
        answer = self._answers[key]
        if isinstance(answer, ProviderError):
            raise answer
        return cast("Made", answer)

    async def _look(self, operation: str) -> None:
        await gate(operation)
        if self.dice.pick(["answers", "answers", "down"]) == "down":
            raise Retryable("down", **self._at(operation))

    def _now(self, payment: Payment, effect: str) -> Payment:
        self.books[payment.id] = payment
        self.effects.append((effect, payment.id))
        return payment

    def _payment(self, payment_id: str, operation: str) -> Payment:
        if payment_id not in self.books:
            raise InvalidRequest("no such payment", **self._at(operation))
        return self.books[payment_id]

    def _error(self, operation: str) -> UnknownOutcome:
        return UnknownOutcome("error", status=500, **self._at(operation))

    def _at(self, operation: str) -> dict[str, Any]:
        return {"provider": self.name, "operation": operation}
