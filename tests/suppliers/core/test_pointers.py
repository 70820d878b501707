"""What a supplier's error points at, as the field of the caller's request."""

from collections.abc import Mapping

import pytest

from models.core.errors import InvalidRequest, Unavailable
from suppliers.amadeus.travelers import FIELDS as AMADEUS
from suppliers.core.pointers import about, field_at
from suppliers.duffel.requests import FIELDS as DUFFEL
from tests.suppliers.conftest import flyer, party_of

PARTY = party_of(flyer("Ana"), flyer("Bo", email="bo@example.com"))
SWAPPED = (1, 0)
"""The first seat of the order is the second traveller's."""


@pytest.mark.parametrize(
    ("pointer", "names", "field"),
    [
        ("/data/travelers/0/name/firstName", AMADEUS, "travelers[1].firstName"),
        ("/data/travelers/1/documents/0/number", AMADEUS, "travelers[0].document.number"),
        ("/data/travelers[1]/documents[0]/number", AMADEUS, "travelers[0].document.number"),
        ("/data/travelers/1/documents/0/birthPlace", AMADEUS, "travelers[0].document"),
        ("/data/travelers/1/documents", AMADEUS, "travelers[0].document"),
        ("/data/travelers/0/contact/emailAddress", AMADEUS, "travelers[1].email"),
        ("/data/travelers/1/contact/emailAddress", AMADEUS, "userContact.email"),
        ("/data/travelers/1/contact/phones/0/number", AMADEUS, "userContact.phone"),
        ("/data/contacts/0/phones/0", AMADEUS, "userContact.phone"),
        ("/data/contacts/0/address", AMADEUS, "userContact"),
        ("/data/travelers/1/fareOptions", AMADEUS, "travelers[0]"),
        ("/data/travelers/7", AMADEUS, "travelers"),
        ("/data/travelers", AMADEUS, "travelers"),
        ("/data/flightOffers/0", AMADEUS, None),
        ("/passengers/0/born_on", DUFFEL, "travelers[1].dateOfBirth"),
        ("/passengers/0/identity_documents/0/type", DUFFEL, "travelers[1].document.documentType"),
        ("/data/passengers/1/phone_number", DUFFEL, "userContact.phone"),
        ("/metadata", DUFFEL, None),
        ("", DUFFEL, None),
        ("/passengers/" + "9" * 30, DUFFEL, "travelers"),
        ("/passengers/²", DUFFEL, "travelers"),
        (None, DUFFEL, None),
    ],
)
def test_fields(pointer: str | None, names: Mapping[str, str], field: str | None) -> None:
    assert field_at(pointer, PARTY, SWAPPED, names) == field


def test_only_what_is_about_the_request_has_a_field() -> None:
    refused = InvalidRequest("no", provider="duffel", operation="book")
    gone = Unavailable("no", provider="duffel", operation="book")
    assert about(refused, "travelers") is refused
    assert refused.field == "travelers"
    assert about(gone, "travelers") is gone
