"""How an order of RateHawk's stands, and what follows from it (providers.md §3)."""

import datetime as dt
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from models.core.errors import (
    OTHER_THAN_ASKED,
    AuthConfig,
    Declined,
    InvalidRequest,
    ProviderError,
    Retryable,
)
from models.core.money import Money
from models.core.supply import Cancellation, Reservation, ReservationStatus
from suppliers.core.answers import JsonAnswer
from suppliers.ratehawk import errors, requests, responses


class Ask(Protocol):
    """Sends one request and reads the envelope of its answer."""

    def __call__(
        self, path: str, body: dict[str, Any], operation: str, *, changes: bool = False
    ) -> Awaitable[errors.ApiAnswer]:
        """Send it."""
        ...


@dataclass(frozen=True)
class Standing:
    """What ``finish/status`` says about a partner_order_id."""

    asked: errors.ApiAnswer
    word: Literal["done", "under_way", "failed", "not_begun", "not_found"]

    @property
    def done(self) -> bool:
        """The order was booked (and may have been cancelled since: ``order/info`` tells)."""
        return self.word == "done"

    @property
    def alive(self) -> bool:
        """The order was booked, or may be yet."""
        return self.word in ("done", "under_way")

    @property
    def failed(self) -> bool:
        """The order has failed for good, or waits for what will not come (3-D Secure)."""
        return self.word == "failed"

    @property
    def not_found(self) -> bool:
        """RateHawk does not know the id."""
        return self.word == "not_found"

    def refusal(self) -> ProviderError:
        """Return why the order failed."""
        if self.asked.status == "3ds":
            return self.asked.answer.failure(
                Declined,
                "RateHawk wants the cardholder's 3-D Secure proof for an order that is paid from"
                " our deposit; the contract's payment types must be looked at",
                code="3ds",
            )
        return self.asked.failure(errors.FAILED)


class Orders:
    """Reads orders; never changes one."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def standing(self, identity: str, operation: str) -> Standing:
        """Ask what became of an order.

        Raises:
            Retryable: no answer.
            AuthConfig: we may not ask.
        """
        asked = await self._ask(
            "/hotel/order/booking/finish/status/", {"partner_order_id": identity}, operation
        )
        if asked.error == errors.NOT_FOUND:
            return Standing(asked, "not_found")
        if asked.error == errors.NOT_BEGUN:
            return Standing(asked, "not_begun")
        if asked.error in errors.FAILED or asked.status == "3ds":
            return Standing(asked, "failed")
        if asked.unsettled or (asked.status == "processing" and not asked.error):
            return Standing(asked, "under_way")
        answer = asked.expect_ok({})
        answer.parse(responses.Status).about(answer, identity)
        return Standing(asked, "done")

    async def shown(
        self, identity: str, operation: str
    ) -> tuple[JsonAnswer, responses.Order] | None:
        """Return an order's details, and the answer they are from; None where not visible (yet).

        Raises:
            Retryable: no answer, or one about another order.
        """
        asked = await self._ask("/hotel/order/info/", requests.info(identity), operation)
        answer = asked.expect_ok({})
        orders = answer.parse(responses.OrderList).data.orders
        if not orders:
            return None
        if [order.partner_data.order_id for order in orders] != [identity]:
            raise answer.unsettled("RateHawk showed another order", code=OTHER_THAN_ASKED)
        return answer, orders[0]

    async def settled(self, reservation: Reservation, operation: str) -> Reservation:
        """Return a reservation whose order was booked, with its details where they are visible.

        Raises:
            Retryable: it was pending, and is not what was ordered; or it was booked before, and
                nobody says how it stands now.
        """
        pending = reservation.status is ReservationStatus.PENDING
        try:
            shown = await self.shown(reservation.supplier_id, operation)
        except ProviderError as error:
            # ``finish/status`` has decided; what became of it since is another question.
            if not pending or error.code == OTHER_THAN_ASKED:
                raise
            shown = None
        if shown is None:
            return confirmed(reservation)
        answer, order = shown
        status, price = order.standing, order.price(answer)
        stated = reservation.details.get("price_stated", True)
        if pending and status is not _CANCELLED:
            other = order.differs_from(reservation)
            if other or (stated and price not in (None, reservation.price)):
                raise answer.unsettled(
                    f"order {reservation.supplier_id} is not what was ordered: {other or 'price'}",
                    code=OTHER_THAN_ASKED,
                )
        facts = reservation.details | order.facts
        if price is not None:
            facts.pop("price_stated", None)
        return confirmed(reservation).model_copy(
            update={
                "status": status,
                "price": reservation.price if stated else price or reservation.price,
                "confirmation_code": order.order_id or reservation.confirmation_code,
                "details": facts,
                "pay_at_property": order.pay_at_property,
            }
        )


_CANCELLED = ReservationStatus.CANCELLED


def confirmed(reservation: Reservation) -> Reservation:
    """Return it as booked."""
    return reservation.model_copy(
        update={"status": ReservationStatus.CONFIRMED, "settles_by": None, "look_after": None}
    )


def looked_at(
    reservation: Reservation, standing: Standing, look_every: dt.timedelta
) -> Reservation:
    """Return a reservation whose order is not booked, as it stands.

    Every reservation's form was known to RateHawk once. So "order not found" never tells that
    nothing stands: it is another contract's answer, or another host's.

    Raises:
        Retryable: RateHawk does not know itself what became of an order it had confirmed.
        AuthConfig: it does not know such an order any more, or says that it was never booked.
    """
    now = dt.datetime.now(dt.UTC)
    pending = reservation.status is ReservationStatus.PENDING
    if standing.alive and pending:
        return reservation.model_copy(update={"look_after": now + look_every})
    if standing.alive:
        raise standing.asked.answer.unsettled("RateHawk does not say how the order stands now")
    _expect_not_confirmed(reservation, standing)
    if standing.failed:
        return _rejected(reservation, standing.asked.error or standing.asked.status)
    if pending and _may_still_arrive(reservation, now):
        return reservation.model_copy(update={"look_after": now + look_every})
    if not pending or standing.not_found:
        raise _unknown(reservation, standing)
    return _rejected(reservation, standing.asked.error)


def not_cancelled(
    reservation: Reservation, standing: Standing, look_every: dt.timedelta
) -> Cancellation:
    """Say what it means that RateHawk found no completed order to cancel.

    Raises:
        Retryable: it is being booked, or was cancelled and does not show it yet: ask again.
        InvalidRequest: it does not know the order (see :func:`looked_at`); an operator must look.
        AuthConfig: it says of an order it had confirmed that it was never booked.
    """
    answer = standing.asked.answer
    now = dt.datetime.now(dt.UTC)
    nothing = Cancellation(already=True, fee=Money(amount=0, currency=reservation.price.currency))
    if standing.done:
        raise answer.failure(
            Retryable,
            f"order {reservation.supplier_id} does not show as cancelled yet",
            code="not_visible",
            retry_after=3 * look_every,
        )
    if standing.alive or (_may_still_arrive(reservation, now) and not standing.failed):
        left = (reservation.settles_by or now) - now
        raise answer.failure(
            Retryable,
            f"order {reservation.supplier_id} cannot be cancelled yet",
            code="not_decided",
            # An undo has a number of attempts, which must last until the cut-off.
            retry_after=max(look_every, left / 6),
        )
    if standing.not_found:
        raise answer.failure(
            InvalidRequest,
            f"RateHawk knows no order {reservation.supplier_id}",
            code=standing.asked.error,
        )
    _expect_not_confirmed(reservation, standing)
    return nothing


def _expect_not_confirmed(reservation: Reservation, standing: Standing) -> None:
    """Make sure that an order which "failed" or "never began" was not confirmed before.

    Such an answer is the published end of an order that was pending. It does not name the order,
    so that it proves nothing of a confirmed one: ``order/info`` says by name what is cancelled.

    Raises:
        AuthConfig: it was.
    """
    if reservation.status is ReservationStatus.CONFIRMED:
        raise _unknown(reservation, standing)


def _unknown(reservation: Reservation, standing: Standing) -> ProviderError:
    return standing.asked.answer.failure(
        AuthConfig,
        f"RateHawk does not know order {reservation.supplier_id} any more",
        code=standing.asked.error or standing.asked.status,
    )


def _may_still_arrive(reservation: Reservation, now: dt.datetime) -> bool:
    """An unanswered ``finish`` may be under way until the cut-off."""
    return reservation.settles_by is not None and now < reservation.settles_by


def _rejected(reservation: Reservation, code: str) -> Reservation:
    return reservation.model_copy(
        update={
            "status": ReservationStatus.REJECTED,
            "settles_by": None,
            "look_after": None,
            "details": {**reservation.details, "refused": code},
        }
    )
