"""Reading bookings and carts at GetYourGuide. Nothing is changed there."""

from models.core.paths import segment
from models.core.supply import Reservation
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient
from suppliers.getyourguide import errors, responses, standing
from suppliers.getyourguide.quotes import asked_in
from suppliers.getyourguide.requests import NAME


class Bookings:
    """Every method raises ``Retryable`` without an answer, or with one about something else."""

    def __init__(self, http: JsonClient) -> None:
        self._http = http

    async def cart(self, cart_hash: str, reservation: Reservation) -> tuple[JsonAnswer, str]:
        """Return the status of a cart, and the answer that tells it."""
        path = f"/carts/{segment(cart_hash, provider=NAME, operation='find')}"
        answer = await self._get(path, "find", reservation.price.currency)
        cart = errors.expect_ok(answer).parse(responses.CartShown).data.shopping_cart
        if cart.shopping_cart_hash != cart_hash:
            raise answer.unsettled("GetYourGuide answered about another cart")
        return answer, cart.status

    async def seen(
        self, reservation: Reservation, operation: str
    ) -> tuple[JsonAnswer, responses.Booking | None]:
        """Return a booking as it is now; None: one that was held, and is neither known any more
        nor in its cart. A 404 by itself names nothing, and proves nothing.
        """
        answer = await self._get(
            path_of(reservation, operation), operation, reservation.price.currency
        )
        if answer.status == 404 and errors.refused(answer):
            if standing.has_lapsed(reservation) and await self._left_its_cart(reservation):
                return answer, None
            raise answer.unsettled(f"GetYourGuide does not know {reservation.supplier_id} (now)")
        seen = errors.expect_ok(answer).parse(responses.Shown).found
        if seen.booking_hash != reservation.supplier_id:
            raise answer.unsettled("GetYourGuide answered about another booking")
        return answer, seen

    async def _left_its_cart(self, reservation: Reservation) -> bool:
        """Tell whether its cart, which must answer by its hash, was not confirmed with it."""
        cart_hash = reservation.details.get("shopping_cart_hash")
        if not isinstance(cart_hash, str):
            return False
        path = f"/carts/{segment(cart_hash, provider=NAME, operation='find')}"
        answer = await self._get(path, "find", reservation.price.currency)
        if not answer.ok:
            return False
        cart = answer.parse(responses.CartShown).data.shopping_cart
        named = cart.shopping_cart_hash == cart_hash and cart.status in ("open", "invalid")
        return named and all(
            one.gone for one in cart.bookings if one and one.booking_hash == reservation.supplier_id
        )

    async def _get(self, path: str, operation: str, currency: str) -> JsonAnswer:
        return await self._http.call(
            "GET", f"{path}?{asked_in(currency)}", operation=operation, changes=False
        )


def path_of(reservation: Reservation, operation: str) -> str:
    """Return the path of a booking; see :func:`models.core.paths.segment`."""
    return f"/bookings/{segment(reservation.supplier_id, provider=NAME, operation=operation)}"
