"""Small parts by themselves: waits, fingerprints, card numbers, what an operator reads."""

import json
import logging
import sys
from typing import Any

import pytest

from api.core.idempotency import checked_key, fingerprint, new_key
from api.core.preferences import seconds_to_wait
from api.core.problems import ApiProblem, translate
from api.core.strict_json import parse
from api.trips.details import details
from api.trips.watching import Resume
from logs import JsonLines
from models.core.people import Contact
from models.trips.messages import BookTripRequest
from models.trips.option import TripOption


@pytest.mark.parametrize(
    ("prefer", "wait", "seconds"),
    [
        ("", None, 30),
        ("respond-async", None, 0),
        ("Respond-Async", None, 0),
        ("respond-async, wait=10", None, 10),
        ("wait=10; x=1, respond-async", None, 10),
        ("wait=10", None, 10),
        ('wait = "7"', None, 7),
        ("wait=999999", None, 120),
        ("wait=-1", None, 30),
        ("return=minimal, handling=strict", None, 30),
        ("wait=10", 3, 3),
        ("", 0, 0),
        ("", 100_000, 120),
    ],
)
def test_how_long_a_caller_waits(prefer: str, wait: int | None, seconds: float) -> None:
    assert seconds_to_wait(prefer, wait, 30) == seconds


def test_a_fingerprint_is_of_the_value_not_of_its_spelling() -> None:
    one = parse(b'{"a": 1, "b": [1, "\\u00e9"]}')
    same = parse('{ "b":[1,"é"],\n"a":1 }'.encode())
    assert fingerprint(one) == fingerprint(same)
    assert fingerprint(one) != fingerprint({**one, "a": 2})
    assert fingerprint(parse(b'{"a": 1}')) != fingerprint(parse(b'{"a": "1"}'))


def test_keys() -> None:
    assert checked_key("x" * 255) == "x" * 255
    assert checked_key(None) != checked_key(None)
    assert checked_key(new_key())
    with pytest.raises(ApiProblem):
        checked_key("tab\t")


@pytest.mark.parametrize(
    ("last", "seen"),
    [(None, 0), ("", 0), ("0", 1), ("17", 18), ("18", 0), ("x", 0), ("-1", 0), ("9" * 99, 0)],
)
def test_where_a_watcher_left_off(last: str | None, seen: int) -> None:
    assert Resume.after(last, 18).seen == seen


def _request(title: str) -> BookTripRequest:
    trip: dict[str, Any] = {
        "tripOptionId": "t-1",
        "totalPrice": 60000,
        "currency": "USD",
        "components": [
            {
                "componentId": "c-1",
                "type": "FLIGHT",
                "supplier": "amadeus",
                "title": title,
                "price": 60000,
                "currency": "USD",
                "startsAt": "2031-03-01T10:00:00Z",
                "endsAt": "2031-03-02T10:00:00Z",
                "offer": {},
            }
        ],
        "travelers": [
            {"firstName": "Ada", "lastName": "Moreno", "dateOfBirth": "1990-04-30"},
        ],
    }
    option = TripOption.model_validate(trip)
    return BookTripRequest(
        booking_id="b",
        booking_reference="TS-1",
        caller_id="c",
        idempotency_key="k",
        fingerprint="f",
        trip=option,
        travelers=option.travelers,
        contact=Contact(email="ada@example.com"),
        payment_method_id="pm_card_visa",
        billing_details={},
        amount=60000,
        currency="USD",
    )


def test_operators_see_the_trip_and_nobody_in_it() -> None:
    text = details(_request("DL 100\n| x | [link](http://evil) <b>"))
    assert "600.00 USD" in text
    assert "Moreno" not in text
    assert "ada@" not in text
    assert text.count("\n") == 4  # a title cannot add lines
    assert r"\[link\]" in text
    assert "<b>" not in text.replace(r"\<b", "")


def test_an_unexpected_error_is_logged_by_type_and_place_only() -> None:
    try:
        raise ValueError("ada@example.com")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "oops", None, sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert line["error"]["type"] == "builtins.ValueError"
    assert any("test_units.py" in frame for frame in line["error"]["stack"])
    assert "ada@" not in json.dumps(line)


def test_an_unexpected_error_is_a_bare_500() -> None:
    problem = translate(ZeroDivisionError("secret"))
    assert problem.status_code == 500
    assert problem.code == "INTERNAL"
    assert "secret" not in problem.detail
    assert translate(TimeoutError()).status_code in {500, 503}
