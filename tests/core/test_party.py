"""Who may travel: the edges of days and ages. Every rule by its answer: tests/api."""

import datetime as dt

import pytest

from models.core.party import expired, faults
from models.core.people import Document, Traveler

FIRST, LAST = dt.date(2031, 3, 1), dt.date(2031, 3, 9)
TODAY = dt.date(2030, 12, 1)


def person(born: str, **more: object) -> Traveler:
    known = {"first_name": "Ana", "last_name": "Roe", "date_of_birth": born, **more}
    return Traveler.model_validate(known)


def wrong(*people: Traveler) -> list[str]:
    found = faults(people, today=TODAY, first_day=FIRST, last_day=LAST)
    return [fault.field for fault in found]


@pytest.mark.parametrize(
    ("born", "fields"),
    [
        ("2019-03-01", []),  # 12 on the first day
        ("2019-03-02", ["travelers"]),
        ("2030-12-01", ["travelers"]),
        ("2030-12-02", ["travelers[0].dateOfBirth"]),
        ("1910-01-01", []),
        ("1909-12-01", ["travelers[0].dateOfBirth"]),
    ],
)
def test_ages(born: str, fields: list[str]) -> None:
    assert wrong(person(born)) == fields


@pytest.mark.parametrize(("last", "gone"), [("2031-03-09", False), ("2031-03-08", True)])
def test_a_document_is_valid_on_its_expiry_date(last: str, gone: bool) -> None:
    told = {"number": "X1", "issuanceCountry": "US", "nationality": "US", "expiryDate": last}
    document = Document.model_validate(told)
    assert expired(document, LAST) is gone
    assert bool(wrong(person("1990-01-31", document=document))) is gone


@pytest.mark.parametrize(
    ("name", "taken"), [("李", True), ("अनिल", True), ("-", False), ("42", False)]
)
def test_names_have_letters(name: str, taken: bool) -> None:
    assert bool(wrong(person("1990-01-31", last_name=name))) is not taken


def test_a_father_and_his_son_of_the_same_name_are_two() -> None:
    assert wrong(person("1990-01-31"), person("2020-01-31")) == []
    assert wrong(person("1990-01-31"), person("1990-01-31")) == ["travelers[1]"]
