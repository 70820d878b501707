"""Whether travellers can take a trip: checked before a booking or change starts, asking nobody."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from api.trips.schemas.requests import BookRequest
from models.bookings.repository.reading import People
from models.core.errors import InvalidRequest
from models.core.party import Fault, faults
from models.core.supply import TripComponent
from models.trips.changes import TripChanges
from models.trips.errors import InvalidTrip, TripOptionUnbookable
from models.trips.option import TripOption
from settings import Settings
from suppliers.core.comparing import FURTHEST_ZONE, utc
from suppliers.core.protocol import Party
from suppliers.registry import check

_LAST_ZONE: Final = dt.timedelta(hours=12)
"""How far behind UTC the last time zone is: a day that is over there is over everywhere."""
_PEOPLE: Final = "travelers"


def expect_fit(body: BookRequest, trip: TripOption, settings: Settings) -> None:
    """Make sure that the travellers can take this trip, as far as we know without its suppliers.

    Raises:
        InvalidTrip: they cannot; it names the fields to mend as the request names them.
        TripOptionUnbookable: an offer of the trip lacks what its supplier would be asked with.
    """
    party = Party(
        travelers=tuple(body.travelers or trip.travelers),
        contact=body.contact,
        address=body.payment_info.billing_details.address,
    )
    found = _faults(trip.components, party, settings)
    if offers := [fault.words for fault in found if not fault.field]:
        raise TripOptionUnbookable(offers[0], handed_in=body.trip is not None)
    if found:
        own = body.travelers is not None or body.trip is None
        raise InvalidTrip(found if own else [_within("trip", fault) for fault in found])


def expect_change_fit(changes: TripChanges, people: People, settings: Settings) -> None:
    """Make sure that the new components of a change fit the travellers it leaves.

    Args:
        changes: may replace the travellers.
        people: the booking's travellers, contact and address.
        settings: what suppliers' checks need to know.

    Raises:
        InvalidTrip: they do not. A fault of travellers who are not sent with the change is told
            with the field of the component they do not fit.
    """
    party = Party(
        travelers=tuple(changes.travelers or people.travelers),
        contact=people.contact,
        address=people.address,
    )
    places = [
        *(f"changes.swap[{number}].component" for number in range(len(changes.swap))),
        *(f"changes.add[{number}]" for number in range(len(changes.add))),
    ]
    found: dict[str, Fault] = {}
    for where, component in zip(places, changes.new, strict=True):
        for fault in _faults([component], party, settings):
            sent = changes.travelers is not None and fault.field.startswith(_PEOPLE)
            told = _within("changes", fault) if sent else Fault(where, _sentence(fault.words))
            found.setdefault(told.field, told)
    if found:
        raise InvalidTrip([*found.values()])


def _faults(components: Sequence[TripComponent], party: Party, settings: Settings) -> list[Fault]:
    """Return what is wrong with a party; a fault without a field is about an offer."""
    found = faults(
        party.travelers,
        today=(dt.datetime.now(dt.UTC) + FURTHEST_ZONE).date(),
        first_day=(min(utc(one.starts_at) for one in components) + FURTHEST_ZONE).date(),
        last_day=(max(utc(one.ends_at) for one in components) - _LAST_ZONE).date(),
    )
    if found:
        return found
    refused: dict[str | None, Fault] = {}
    for component in components:
        try:
            check(component, party, settings)
        except InvalidRequest as refusal:
            words = str(refusal) if refusal.field is None else _sentence(str(refusal))
            refused.setdefault(refusal.field, Fault(refusal.field or "", words))
    return [*refused.values()]


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:].removesuffix('.')}."


def _within(part: str, fault: Fault) -> Fault:
    field = f"{part}.{fault.field}" if fault.field.startswith(_PEOPLE) else fault.field
    return Fault(field, fault.words)
