"""Ids and references as people read them out, type and paste them."""

import uuid

import pytest

from models.core.keys import booking_reference, parse_booking_id, parse_booking_reference


@pytest.mark.parametrize(
    "typed",
    [
        "TS-4K7QP-9XW20",
        "ts-4k7qp-9xw20",
        "TS4K7QP9XW20",
        " ts 4k7qp 9xw2o ",
        "TS–4K7QP–9XW2O",
    ],
)
def test_a_reference_is_known_however_it_is_typed(typed: str) -> None:
    assert parse_booking_reference(typed) == "TS-4K7QP-9XW20"


def test_letters_that_look_like_digits_are_those_digits() -> None:
    assert parse_booking_reference("ts-il0op-iloul") == "TS-1100P-110V1"


def test_every_reference_that_is_made_is_its_own_name() -> None:
    for _ in range(200):
        made = booking_reference(str(uuid.uuid4()))
        assert parse_booking_reference(made) == made


@pytest.mark.parametrize(
    "other", ["", "TS", "TS-4K7QP-9XW2", "TS-4K7QP-9XW200", "AB-4K7QP-9XW20", "TS-4K7*P-9XW20"]
)
def test_what_is_no_reference_is_none(other: str) -> None:
    assert parse_booking_reference(other) is None


def test_an_id_is_known_in_any_spelling_of_its_digits() -> None:
    booking = str(uuid.uuid4())
    for typed in (booking, booking.upper(), booking.replace("-", ""), f" {booking}"):
        assert parse_booking_id(typed) == booking
    for other in ("", "TS-4K7QP-9XW20", booking[:-1], "{" + booking + "x", "1_" + booking[2:]):
        assert parse_booking_id(other) is None
