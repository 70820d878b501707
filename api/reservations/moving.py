"""``POST …/status``: a reservation moves by itself where nobody outside has to be asked."""

import datetime as dt
from collections.abc import Callable

from api.bookings.cancelling import NEVER_CANCELLABLE
from api.core.context import AppContext
from api.core.entity_tags import version_of
from api.core.principals import Principal
from api.reservations import finding, presenter
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingKind, BookingState, may_become, transitions_of
from models.bookings.repository import Found, StaleVersionError
from models.kinds import HOOKS
from models.reservations.errors import (
    ChangeUnderWay,
    Contradiction,
    ReasonMissing,
    StateConflict,
    VersionConflict,
)
from models.reservations.moving import move_alone
from models.reservations.repository import StoredReservation

_S = BookingState
BY_HAND = frozenset({_S.CONFIRMED, _S.CHECKED_IN, _S.COMPLETED, _S.NO_SHOW})
"""Where a venue may move a reservation without a workflow."""
_FROM = frozenset({_S.CONFIRMED, _S.CHECKED_IN, _S.NO_SHOW})


Check = Callable[[Found, StoredReservation], None]
"""Looks at a reservation as it is found."""


def version_check(named: int | None, if_match: str | None) -> Check:
    """Return the check of the version that a request may name. Raises as `expected_version`."""
    expected, precondition = expected_version(named, if_match)

    def check(found: Found, stored: StoredReservation) -> None:
        expect_version(found, stored, expected, precondition=precondition)

    return check


def expect_cancellable(booking: Booking) -> None:
    """Make sure that it is not over; one that was cancelled is told of. Raises StateConflict."""
    if booking.state in NEVER_CANCELLABLE:
        raise StateConflict(booking, allowed(booking))


def expect_version(
    found: Found, stored: StoredReservation, expected: int | None, *, precondition: bool = False
) -> None:
    """Make sure that a request is about the reservation as it stands. Raises VersionConflict."""
    if expected not in (None, found.booking.version):
        raise _moved_on(found, stored, precondition=precondition)


def _moved_on(
    found: Found, stored: StoredReservation, *, precondition: bool = False
) -> VersionConflict:
    current = presenter.reservation(found.booking, stored, found.history)
    return VersionConflict(
        found.booking,
        precondition=precondition,
        current=current.model_dump(mode="json", by_alias=True),
    )


def expected_version(named: int | None, if_match: str | None) -> tuple[int | None, bool]:
    """Return the version that a request is about, and whether ``If-Match`` alone says so.

    Raises:
        Contradiction: the two differ, or the header is no version of a reservation.
    """
    if if_match is None or if_match.strip() == "*":
        return named, False
    version = version_of(if_match)
    if version is None:
        words = (
            "If-Match must be an ETag of the reservation, or its version; several, of one version."
        )
        raise Contradiction("If-Match", words)
    if named not in (None, version):
        raise Contradiction("expected_version", "If-Match and expected_version differ.")
    return version, named is None


def allowed(booking: Booking) -> list[BookingState]:
    """Return where a reservation may be moved now."""
    moves = transitions_of(BookingKind.RESERVATION)[booking.state] - {booking.state}
    if booking.state is _S.HELD:  # approved or refused
        return sorted(moves & {_S.CONFIRMED, _S.CANCELLED})
    by_hand = moves & BY_HAND if booking.state in _FROM else set()
    return sorted(by_hand | (moves & {_S.CANCELLED}))


async def move(
    context: AppContext,
    caller: Principal,
    booking_id: str,
    to: BookingState,
    reason: str,
    check: Check,
) -> None:
    """Move a reservation in one transaction; one that is there already stays as it is.

    Raises:
        BookingNotFound: unknown, another caller's, or no reservation.
        StateConflict: it cannot move there.
        VersionConflict: it has moved on meanwhile.
        ReasonMissing: a NO_SHOW is corrected, and nobody says why.
        ChangeUnderWay: a request about it is being carried out.
    """
    found, stored = await finding.find(context, caller, booking_id)
    booking = found.booking
    if booking.state is to and to in BY_HAND:
        return
    check(found, stored)
    if booking.state not in _FROM or not may_become(booking.kind, booking.state, to):
        raise StateConflict(booking, allowed(booking))
    _expect_time(booking, stored, to)
    if booking.state is _S.NO_SHOW and not reason.strip():
        raise ReasonMissing
    if found.live:
        raise ChangeUnderWay(booking_id)
    who, why = f"caller {caller.id}", reason or _WHY[to]
    try:
        await context.record.write(
            lambda session: move_alone(session, HOOKS, booking, to, who=who, why=why)
        )
    except StaleVersionError as error:
        now, told = await finding.find(context, caller, booking_id)
        if now.live:
            raise ChangeUnderWay(booking_id) from error
        raise _moved_on(now, told) from error


def _expect_time(booking: Booking, stored: StoredReservation, to: BookingState) -> None:
    """Make sure that it is not too early. Raises StateConflict."""
    now, policy = dt.datetime.now(dt.UTC), stored.policy
    opens = stored.starts_at - dt.timedelta(minutes=policy.check_in_from_minutes)
    if to is _S.CHECKED_IN and now < opens:
        why = f"Guests are checked in from {opens:%Y-%m-%d %H:%M} UTC on."
        raise StateConflict(booking, allowed(booking), why)
    if to in {_S.NO_SHOW, _S.COMPLETED} and now < stored.starts_at:
        why = f"It begins at {stored.starts_at:%Y-%m-%d %H:%M} UTC."
        raise StateConflict(booking, allowed(booking), why)


_WHY = {
    _S.CONFIRMED: "the check-in was undone",
    _S.CHECKED_IN: "the guest has come",
    _S.COMPLETED: "the visit is over",
    _S.NO_SHOW: "the guest did not come",
}
