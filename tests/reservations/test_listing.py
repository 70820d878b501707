"""The state by which reservations are listed is their booking's, whoever writes it."""

import pytest

from models.bookings.lifecycle import BookingState
from tests.reservations.books import Diary

S = BookingState


async def states(diary: Diary, booking_id: str) -> tuple[str, str]:
    async with diary.books.connection() as connection:
        found = await connection.execute(
            "SELECT r.state, b.state FROM reservations r JOIN bookings b ON b.id = r.booking_id"
            " WHERE b.id = %s",
            (booking_id,),
        )
        ((listed, stored),) = await found.fetchall()
    return listed, stored


@pytest.mark.parametrize(
    "following",
    [
        [],
        [S.CONFIRMED],
        [S.CONFIRMED, S.CONFIRMED],
        [S.HELD, S.PROCESSING, S.CONFIRMED, S.NO_SHOW, S.CHECKED_IN, S.COMPLETED],
        [S.FAILED],
    ],
    ids="-".join,
)
async def test_a_reservation_follows_its_booking(
    diary: Diary, following: list[BookingState]
) -> None:
    booking = await diary.reserve()
    assert booking is not None
    assert await states(diary, booking.id) == ("VALIDATING", "VALIDATING")
    for state in following:
        booking = await diary.books.record(booking, state)
        assert await states(diary, booking.id) == (state, state)


async def test_a_transition_that_is_undone_changes_no_list(diary: Diary) -> None:
    booking = await diary.confirmed()
    async with diary.books.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET state = 'NO_SHOW', version = version + 1 WHERE id = %s",
            (booking.id,),
        )
        await connection.rollback()
    assert await states(diary, booking.id) == ("CONFIRMED", "CONFIRMED")
