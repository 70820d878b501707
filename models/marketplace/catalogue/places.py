"""Places as they are stated and searched for."""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

from models.core.party import COUNTRIES as ISSUERS

COUNTRIES: Final = ISSUERS - {"EU", "UN", "XX"}
"""ISO 3166-1 alpha-2, and Kosovo (XK)."""


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("must be a country's two capital letters such as US")
    return code


CountryCode = Annotated[
    str,
    AfterValidator(_country),
    WithJsonSchema({"type": "string", "enum": sorted(COUNTRIES), "examples": ["PT"]}),
]
"""A country's ISO 3166-1 alpha-2 code in upper case."""


def city_norm(city: str) -> str:
    """Return a city's name as it is searched for: one spelling of all that people take for equal.

    Case, accents and other marks, and how many spaces there are do not matter:

    >>> city_norm("  São   PAULO ")
    'sao paulo'
    """
    # Folded twice: marks that are taken off may leave capitals that folding did not know.
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", city).casefold())
    plain = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return " ".join(plain.casefold().split())
