"""Orders at Amadeus read by their ids, and how an id becomes a path (providers.md §2)."""

import re
from typing import Final
from urllib.parse import quote as percent_encoded
from urllib.parse import unquote

from models.core.errors import AuthConfig
from models.core.paths import segment
from models.core.supply import Reservation
from suppliers.amadeus.client import AmadeusApi
from suppliers.amadeus.messages import Order, OrderAnswer, RemarkedAnswer
from suppliers.amadeus.responses import NAME, ApiAnswer, failure

_STRAY_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})")


class Orders:
    """The reading half of the adapter."""

    def __init__(self, api: AmadeusApi) -> None:
        self._api = api

    async def show(self, reservation: Reservation, operation: str) -> tuple[Order, ApiAnswer]:
        """Return an order as Amadeus shows it.

        Raises:
            AuthConfig: Amadeus does not find it, so that a person must tell what became of it.
            Retryable: no answer.
        """
        answer = await self._read(reservation.supplier_id, operation)
        if answer.finds_nothing:
            raise answer.failure(
                AuthConfig,
                f"Amadeus finds no order {reservation.supplier_id}. That is no proof that it is"
                f" cancelled: look for PNR {reservation.pnr} or the remark TRIP"
                f" {reservation.reference} in the back office",
                code=answer.issues[0].code,
            )
        if answer.status != 200:
            raise failure(answer)
        order = answer.parse(OrderAnswer).data
        if unquote(order.id) != unquote(reservation.supplier_id):
            raise answer.unsettled("Amadeus answered another order", code="other_order")
        return order, answer

    async def _read(self, supplier_id: str, operation: str) -> ApiAnswer:
        order_id = in_path(supplier_id, operation)
        return await self._api.call(
            lambda client: client.booking.flight_order(order_id).get(),
            operation=operation,
            changes=False,
        )

    async def is_ours(self, reservation: Reservation) -> bool:
        """Tell whether an order that a person named carries our reference in its remarks."""
        answer = await self._read(reservation.supplier_id, "cancel")
        if answer.finds_nothing:
            return False
        if answer.status != 200:
            raise failure(answer)
        remarks = {text.upper() for text in answer.parse(RemarkedAnswer).data.texts}
        return f"TRIP {reservation.reference}".upper() in remarks


def in_path(order_id: str, operation: str) -> str:
    """Return an order's id as it goes into a path.

    Amadeus' ids are percent-encoded as they come ("eJzTd9f3…%3D"), and go into the path as given. A
    person may have typed one in decoded; whatever is no letter of a path is encoded.

    Raises:
        InvalidRequest: it would lead to another path.
    """
    # What has no UTF-8, half of a surrogate pair, becomes a question mark: no id has one.
    whole = _STRAY_PERCENT.sub("%25", order_id)
    encoded = percent_encoded(whole, safe="%", errors="replace")
    return segment(encoded, provider=NAME, operation=operation, encoded=True)
