"""Bookings, venues and guests as paths name them, by our ids or the caller's own."""

from typing import Annotated

from fastapi import Depends, Path

from api.core.context import AppContext, Context, TheCaller
from api.core.principals import Principal
from models.bookings.errors import BookingNotFound
from models.core.keys import parse_booking_id, parse_booking_reference
from models.core.text import PATH_LINE, Key

NAME_MAX = 64
"""Characters of an id or a reference, as people may write it."""

_IN_PATH = {"pattern": PATH_LINE}
"""Said of the caller's own ids alone: ``api.core.edge`` answers 404 to escaped slashes."""
VenueId = Annotated[
    Key,
    Path(description="As the caller and the inventory know the venue.", json_schema_extra=_IN_PATH),
]
GuestId = Annotated[
    Key, Path(description="The caller's own id of the guest.", json_schema_extra=_IN_PATH)
]


def owner_of(caller: Principal) -> str | None:
    """Return whose bookings a caller may read: its own; operators anybody's (None)."""
    return None if caller.is_operator else caller.id


async def booking_named(context: AppContext, caller: Principal, name: str) -> str:
    """Return the id of the booking that is named by its id or its reference.

    Case and dashes do not matter. An id is not looked up here; for a reference the record is asked
    once, and only about the caller's own bookings.

    Raises:
        BookingNotFound: it is neither, or no booking of the caller has this reference.
    """
    booking_id = parse_booking_id(name)
    if booking_id is None and (reference := parse_booking_reference(name)) is not None:
        booking_id = await context.record.id_of(reference, owner_of(caller))
    if booking_id is None:
        raise BookingNotFound(name)
    return booking_id


async def _of_path(
    context: Context,
    caller: TheCaller,
    booking_id: Annotated[
        str,
        Path(
            alias="bookingId",
            description="The booking's id or its reference, in any case, with dashes or without.",
        ),
    ],
) -> str:
    return await booking_named(context, caller, booking_id)


BookingId = Annotated[str, Depends(_of_path)]
"""The id of the booking that the path names."""
