"""Paying held orders at Duffel, from our balance there."""

from models.core.errors import OTHER_THAN_ASKED, Declined, PriceChanged, ProviderError, Retryable
from models.core.money import Money
from models.core.supply import Reservation, ReservationStatus
from suppliers.core.answers import JsonAnswer
from suppliers.duffel import requests
from suppliers.duffel.cancellation import Call
from suppliers.duffel.errors import error_of, failure
from suppliers.duffel.lookup import Lookup, reservation_of
from suppliers.duffel.orders import PaymentAnswer


class Paying:
    """The part of the adapter that pays what is held."""

    def __init__(self, call: Call, lookup: Lookup) -> None:
        self._call = call
        self._lookup = lookup

    async def pay(self, held: Reservation, price: Money) -> Reservation:
        """Pay an order at this price or not at all; one that is paid already is done.

        Raises:
            Unavailable: it has lapsed, was cancelled, or the airline has changed it.
            PriceChanged: it costs another price by now.
            Declined, AuthConfig, InvalidRequest: not paid either.
            Retryable, UnknownOutcome: no answer.
        """
        answer = await self._call(
            "POST",
            "/air/payments",
            "complete",
            changes=True,
            body={"order_id": held.supplier_id, "payment": requests.payment(price)},
        )
        if not answer.ok:
            if error_of(answer)[1] == "already_paid":
                return await self._paid_already(held, answer)
            raise await self._not_paid(failure(answer), held)
        paid = answer.parse(PaymentAnswer).data
        if paid.status in ("failed", "cancelled"):
            raise answer.failure(Declined, f"Duffel's payment {paid.id} has {paid.status}")
        if paid.status not in (None, "succeeded"):
            raise answer.unsettled(
                f"Duffel's payment {paid.id} is {paid.status}", code="payment_pending"
            )
        if (taken := answer.money(paid.amount, paid.currency)) != price:
            raise answer.unsettled(f"Duffel took {taken}, not {price}", code=OTHER_THAN_ASKED)
        return held.model_copy(
            update={
                "status": ReservationStatus.CONFIRMED,
                "held_until": None,
                "details": {**held.details, "payment": paid.id},
            }
        )

    async def _paid_already(self, held: Reservation, answer: JsonAnswer) -> Reservation:
        try:
            order, shown = await self._lookup.order(held.supplier_id, "complete")
        except Retryable as error:
            raise answer.unsettled(f"paid already, but not to be seen: {error}") from error
        if order.status is not ReservationStatus.CONFIRMED:
            raise answer.unsettled(f"Duffel has order {order.id} as paid, and as {order.status}")
        return reservation_of(order, held.reference, shown)

    async def _not_paid(self, error: ProviderError, held: Reservation) -> ProviderError:
        if isinstance(error, PriceChanged):
            try:
                order, answer = await self._lookup.order(held.supplier_id, "complete")
                error.new_price = order.price(answer)
            except ProviderError:
                return error
        return error
