"""Names and addresses that people have: each supplier takes them, or refuses them at the quote."""

import pytest

from models.core.errors import InvalidRequest
from models.core.people import Contact
from models.core.supply import ReservationStatus
from tests.suppliers.conformity.conftest import Counter
from tests.suppliers.conformity.sellers import SELLERS
from tests.suppliers.conftest import expect, flyer, party_of

EMAIL = "o'brien+tag@sub.example.museum"
LONG = "Wolfeschlegel" * 7 + "steinhaus"
SHORTEN = {"duffel": 20, "getyourguide": 44, "ratehawk": 50}
"""Suppliers with a maximum, in letters."""


@pytest.mark.parametrize("counter", SELLERS, indirect=True, ids=str)
@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("José", "O'Brien"),
        ("李", "王"),
        ("A", "B"),
        ("Jose\u0301", "d’Été-Núñez"),
        ("Ngọc", "Łukasz Œuvre"),
        ("محمد", "Иванова"),
        (LONG, LONG),
    ],
)
async def test_everybody_can_travel(counter: Counter, first: str, last: str) -> None:
    lead = flyer("Ana").model_copy(update={"first_name": first, "last_name": last, "email": EMAIL})
    party = party_of(lead, flyer("Bo", gender="MALE"))
    counter.party = party.model_copy(update={"contact": Contact(email=EMAIL, phone="+12025550133")})
    if len(first) > SHORTEN.get(counter.seller.name, 100):
        refused = await expect(InvalidRequest, counter.quote(), "quote")
        assert f"{SHORTEN[counter.seller.name]} letters" in str(refused)
    else:
        assert (await counter.confirmed()).status is ReservationStatus.CONFIRMED
