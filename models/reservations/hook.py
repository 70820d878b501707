"""What a reservation is follows its booking, in the transaction of the transition."""

from typing import Any

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.hooks import Hook, Step
from models.bookings.tables import BOOKING_ITEMS
from models.reservations.changes import Details
from models.reservations.messages import SLOT
from models.reservations.repository import slot_columns
from models.reservations.tables import RESERVATIONS


class ReservationHook(Hook):
    """Writes guest, contact data, notes, slot and price where a transition changes them."""

    async def before(self, session: AsyncSession, step: Step) -> None:
        """Write what has changed, in every table that has it."""
        if step.details is None:
            return
        details, booking_id = Details.model_validate(step.details), step.booking.id
        reservation: dict[str, Any] = {}
        if details.guest is not None and details.contact is not None:
            name, reached = details.guest.name, details.contact.model_dump(mode="json")
            reservation |= {"guest": {"name": name, **reached}, "notes": details.guest.notes}
        if details.slot is not None and details.quote is not None:
            reservation |= slot_columns(details.slot)
            await session.execute(
                update(BOOKING_ITEMS)
                .where(BOOKING_ITEMS.c.booking_id == booking_id, BOOKING_ITEMS.c.number == SLOT)
                .values(
                    title=details.slot.title,
                    offer=details.slot.model_dump(mode="json", by_alias=True),
                    quote=details.quote.model_dump(mode="json"),
                    updated_at=func.now(),
                )
            )
        if reservation:
            await session.execute(
                update(RESERVATIONS)
                .where(RESERVATIONS.c.booking_id == booking_id)
                .values(reservation)
            )

    def columns(self, step: Step) -> dict[str, Any]:
        """Return who comes, and how they are reached."""
        details = Details.model_validate(step.details or {})
        if details.guest is None or details.contact is None:
            return {}
        return {
            "travelers": [details.guest.model_dump(mode="json")],
            "contact": details.contact.model_dump(mode="json", by_alias=True),
            **({"traveler_id": details.traveler_id} if details.traveler_id else {}),
        }
