"""Reading bookings and carts at GetYourGuide. Nothing is changed there."""

from urllib.parse import quote as percent_encoded

from models.core.supply import Reservation
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient
from suppliers.getyourguide import errors, responses, standing
from suppliers.getyourguide.quotes import asked_in


class Bookings:
    """Every method raises ``Retryable`` without an answer, or with one about something else."""

    def __init__(self, http: JsonClient) -> None:
        self._http = http

    async def cart(self, cart_hash: str, reservation: Reservation) -> tuple[JsonAnswer, str]:
        """Return the status of a cart, and the answer that tells it."""
        path = f"/carts/{percent_encoded(cart_hash, safe='')}"
        answer = await self._get(path, "find", reservation.price.currency)
        cart = errors.expect_ok(answer).parse(responses.CartShown).data.shopping_cart
        if cart.shopping_cart_hash != cart_hash:
            raise answer.unsettled("GetYourGuide answered about another cart")
        return answer, cart.status

    async def seen(
        self, reservation: Reservation, operation: str
    ) -> tuple[JsonAnswer, responses.Booking | None]:
        """Return a booking as it is now; None: one that was held and is not known any more."""
        answer = await self._get(path_of(reservation), operation, reservation.price.currency)
        if answer.status == 404 and errors.refused(answer):
            if standing.has_lapsed(reservation):
                return answer, None
            raise answer.unsettled(f"GetYourGuide does not know {reservation.supplier_id} (now)")
        seen = errors.expect_ok(answer).parse(responses.Shown).found
        if seen.booking_hash != reservation.supplier_id:
            raise answer.unsettled("GetYourGuide answered about another booking")
        return answer, seen

    async def _get(self, path: str, operation: str, currency: str) -> JsonAnswer:
        return await self._http.call(
            "GET", f"{path}?{asked_in(currency)}", operation=operation, changes=False
        )


def path_of(reservation: Reservation) -> str:
    """Return the path of a booking."""
    return f"/bookings/{percent_encoded(reservation.supplier_id, safe='')}"
