"""Slots at venues: the company's inventory and pricing services (contracts.md §2).

Both are reached over HTTP only, and their logic is theirs: which table, which price. A reservation
is made under our reference, which is its idempotency key: reserving it twice answers the same, and
a released reference is never reserved again. So an unanswered ``book`` is settled by repeating it,
or by :meth:`VenueSupplier.release`; a service that cannot do that is refused before the first
reservation (docs/inventory-and-pricing.md, docs/decisions/0093-venues-beside-suppliers.md).
"""

import asyncio
import datetime as dt

from models.core.errors import Unavailable
from models.core.supply import (
    Cancellation,
    Capabilities,
    Quote,
    Reservation,
    ReservationStatus,
)
from models.core.venues import Availability, Price, SlotWish, VenueGuest, VenueSlot, price_in
from settings import Settings
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient
from suppliers.core.limiter import RateLimits
from suppliers.core.offers import invalid
from suppliers.venue import responses
from suppliers.venue.inventory import Inventory
from suppliers.venue.pricing import Pricing
from suppliers.venue.requests import NAME


class VenueSupplier:
    """Slots at venues, behind :class:`suppliers.core.protocol.Sells`."""

    name = NAME

    def __init__(self, settings: Settings, *, limits: RateLimits | None = None) -> None:
        timeout = settings.venue_timeout

        def http(url: str, key: str) -> JsonClient:
            return JsonClient(
                provider=NAME,
                base_url=url,
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=timeout,
                limits=limits,
            )

        self._inventory = Inventory(
            http(settings.inventory_url, settings.inventory_service.api_key.get_secret_value())
        )
        self._pricing = Pricing(
            http(settings.pricing_url, settings.pricing_service.api_key.get_secret_value())
        )
        self.capabilities = Capabilities(repeats=True, timeout=dt.timedelta(seconds=timeout))

    # -- what only reads --------------------------------------------------------------------

    async def availability(self, asked: SlotWish, *, excluding: str | None = None) -> Availability:
        """Say what is free, as if the reservation ``excluding`` (our reference) were not there.

        Raises:
            InvalidRequest: there is no such venue or resource (``field``).
            Retryable: no answer.
        """
        return (await self._inventory.check(asked, excluding))[1]

    async def estimate(self, asked: SlotWish) -> Price:
        """Say what a slot would cost; it binds nobody.

        Raises:
            InvalidRequest: there is no such venue.
            Retryable: no answer.
        """
        return (await self._pricing.price(asked, "estimate"))[2]

    async def quote(
        self,
        item: VenueSlot | SlotWish,
        party: VenueGuest,  # noqa: ARG002 - no price depends on who comes
        *,
        excluding: str | None = None,
    ) -> Quote:
        """Verify that a slot is to be had, and price it: both services are asked at once.

        The slot with its zone is in the quote (``models.core.venues.slot_in``): it can be quoted
        before the zone is known. ``excluding``: as if that reservation of ours were not there.
        """
        asked = item.wish if isinstance(item, VenueSlot) else item
        ends = await asyncio.gather(
            self._inventory.check(asked, excluding),
            self._pricing.price(asked, "calculate"),
            return_exceptions=True,
        )
        checked, priced = ends
        if isinstance(checked, BaseException):
            raise checked
        answer, found = checked
        if not found.available:
            # Before the price's own trouble: for a slot that is not to be had there may be none.
            raise answer.failure(
                Unavailable,
                f"{found.slot.title} is not to be had: {found.reason}",
                code=found.reason,
            )
        if isinstance(priced, BaseException):
            raise priced
        return _quote(priced, found.slot)

    async def look(self, reservation: Reservation) -> Reservation:
        """Read a reservation by our reference; see the protocol."""
        seen = await self._inventory.read(reservation.reference)
        if seen is None or seen.status == "released":
            return reservation.model_copy(update={"status": ReservationStatus.CANCELLED})
        return _taken(seen, reservation)

    # -- what reserves ----------------------------------------------------------------------

    async def book(
        self, item: VenueSlot, quote: Quote, party: VenueGuest, reference: str
    ) -> Reservation:
        """Reserve the slot under ``reference``; see the protocol. Repeating it is safe."""
        _price(quote, "book")
        await self._inventory.prove()
        _, made = await self._inventory.reserve(item, party, reference)
        return _reservation(made, item, quote)

    async def change(
        self, reservation: Reservation, item: VenueSlot, quote: Quote, party: VenueGuest, key: str
    ) -> Reservation:
        """Move a reservation to another slot in place; see the protocol."""
        _price(quote, "change")
        _, made = await self._inventory.change(item, party, reservation.reference, key)
        return _reservation(made, item, quote)

    async def cancel(self, reservation: Reservation, key: str) -> Cancellation:  # noqa: ARG002
        """Release a reservation; what it costs says its stored price, not the inventory."""
        return await self.release(reservation.reference)

    async def release(self, reference: str) -> Cancellation:
        """Release whatever stands or comes late under ``reference``; see the protocol."""
        gone = await self._inventory.release(reference)
        return Cancellation(already=gone.already)

    async def close(self) -> None:
        """Close connections."""
        await self._inventory.close()
        await self._pricing.close()


def _quote(priced: tuple[JsonAnswer, responses.Priced, Price], slot: VenueSlot) -> Quote:
    answer, told, price = priced
    zone = told.slot.time_zone or slot.time_zone
    if (told.slot.starts_at, told.slot.ends_at, zone) != (
        slot.starts_at,
        slot.ends_at,
        slot.time_zone,
    ):
        raise answer.unsettled(
            "inventory and prices speak of different times", code="malformed_answer"
        )
    return Quote(
        price=price.due,
        terms=price.terms,
        title=slot.title,
        expires_at=price.valid_until,
        offer={
            "slot": slot.model_dump(mode="json"),
            "price": price.model_dump(mode="json"),
        },
    )


def _price(quote: Quote, operation: str) -> Price:
    try:
        return price_in(quote)
    except ValueError as error:
        message = f"the quote of {quote.title} is not one of {NAME}"
        raise invalid(NAME, operation, message) from error


def _reservation(made: responses.Reserved, item: VenueSlot, quote: Quote) -> Reservation:
    blank = Reservation(
        reference=made.reference,
        supplier_id=made.inventory_reference,
        confirmation_code=made.inventory_reference,
        provider=item.venue_name or item.venue_id,
        price=quote.price,
    )
    return _taken(made, blank)


def _taken(seen: responses.Reserved, before: Reservation) -> Reservation:
    return before.model_copy(
        update={
            "status": ReservationStatus.CONFIRMED,
            "starts_at": seen.slot.starts_at.astimezone(dt.UTC),
            "ends_at": seen.slot.ends_at.astimezone(dt.UTC),
            "details": {**before.details, **seen.facts()},
        }
    )
