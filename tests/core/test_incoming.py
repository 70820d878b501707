"""Text that comes in: card numbers however they are written, and what steers a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core.incoming import UnfitText, expect_fit, expect_fit_json
from models.core.text import visible

CARD = "4242424242424242"
FULL_WIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in CARD)
ARABIC = "".join(chr(ord(digit) + 0x630) for digit in CARD)


def written(separator: str) -> str:
    return separator.join((CARD[:4], CARD[4:8], CARD[8:12], CARD[12:]))


@pytest.mark.parametrize(
    "text",
    [
        CARD,
        *map(
            written, (" ", "-", ".", "_", "/", ",", "\u00a0", "\u2011", "\u2013", "\u200b", " - ")
        ),
        *map(written, (" " * 4, " \u2013 \u2013 ", "\n\n\n\n", "-" * 50)),
        FULL_WIDTH,
        ARABIC,
        f"my card: {written('_')}!",
        f"x{CARD}x",
        f"a{CARD}b",
        f"1 {written(' ')}",
        f"{written(' ')} 12/31",
        f"order 17/{CARD}",
        "378282246310005",
        "3782 822463 10005",
        "3056_9309_0259_04",
        "3530111333300000",
        "5555-5555-5555-4444",
        "2223003122003222",
        "6011111111111117",
        "4222222222222",
    ],
)
def test_card_numbers(text: str) -> None:
    with pytest.raises(UnfitText) as caught:
        expect_fit(text, "note")
    assert (caught.value.kind, caught.value.path) == ("card_number", "note")
    assert CARD[:8] not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("4242424242424241", "note"),  # wrong check digit
        ("411111111111", "note"),
        ("20310301203103091", "note"),
        ("2031-03-01 2031-03-09", "note"),
        ("31.12.2031 07:10:31", "note"),
        ("11111111-1111-1111-8111-111111111117", "bookingId"),
        (f"7f8b{CARD}a9c3e1d00f5b", "Idempotency-Key"),  # a key in hexadecimal
        ("+4915123456787", "userContact.phone"),
        ("4242    4242    4242    4241", "note"),
        ("4242 of 4242 or 4242 to 4242", "note"),
        ("1050736001_385678901_2_0_0", "component.offer.product"),
        ("42424242_42424242", "changes.add[0].offer.product"),  # a supplier's own words
        ("called at 10:30,\n\tthey confirmed\r\n", "note"),
        ("Zoë O'Neill-\u200dفاطمة", "travelers[0].lastName"),
        ("a\nb", "component.offer.text"),
        ("", ""),
    ],
)
def test_what_is_taken(text: str, path: str) -> None:
    expect_fit(text, path)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "part", ["1", "1 ", "4 ", "1" + " " * 50, "1" * 12 + " " * 1_000 + "x", "_"], ids=range(6)
)
def test_a_long_text_is_looked_through_in_no_time(part: str) -> None:
    expect_fit(part * (100_000 // len(part)) + "x", "note")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        *((text, "note") for text in ("\x1b[2J", "a\x07", "\x7f", "\x9b31m", "a\u202eb", "\u2066")),
        ("a\nb", "travelers[0].firstName"),
        ("a\tb", "title"),
        ("\u2028", "reason"),
        ("\x1b]0;x\x07", "component.offer.text"),
    ],
)
def test_control_characters(text: str, path: str) -> None:
    with pytest.raises(UnfitText) as caught:
        expect_fit(text, path)
    assert caught.value.kind == "control_character"
    assert caught.value.path == path


def test_names_within_json_are_looked_at_too() -> None:
    expect_fit_json({"a": [{"b": "c"}], "phone": "+4915123456787"})
    for value, path in (({"a": [{"b": CARD}]}, "a[0].b"), ({"a": {CARD: 1}}, "a")):
        with pytest.raises(UnfitText) as caught:
            expect_fit_json(value)
        assert caught.value.path == path


@given(st.text())
def test_what_is_visible_steers_nothing_and_what_is_taken_is_shown_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert not set(visible(text)) & set(map(chr, [*range(9), *range(11, 32), *range(127, 160)]))
    try:
        expect_fit(text, "title")
    except UnfitText:
        return
    assert visible(text) == text


def test_visible() -> None:
    assert (
        visible("a\x1b[2J\r\u202eb\x9b\n\tc\u2028")
        == r"a\x1b[2J\x0d\u202eb\x9b" + "\n\tc" + r"\u2028"
    )
