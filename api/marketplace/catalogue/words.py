"""Terms, prices and taxes as providers send them, and as they are told them.

What the models ask for across fields is answered with the field it is about; the form of each field
stands in the document.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from api.core.bodies import Body
from models.core.money import WHOLE, MinorUnits
from models.core.text import TAG, Text
from models.marketplace.catalogue.errors import OfferRefused
from models.marketplace.catalogue.rules import expect_terms
from models.marketplace.catalogue.terms import BasisPoints, FeeTemplate, Kept, Tax, TaxKind

Weekday = Annotated[int, Field(ge=1, le=7, strict=True), WHOLE]
Weekdays = Annotated[
    list[Weekday],
    Field(min_length=1, max_length=7, description="ISO: 1 is Monday, 7 Sunday."),
]
Tag = Annotated[str, Field(pattern=TAG, examples=["wifi"])]
"""A short name in lower case; docs/marketplace.md lists those that are usual."""
Latitude = Annotated[float, Field(ge=-90, le=90, strict=True)]
Longitude = Annotated[float, Field(ge=-180, le=180, strict=True)]


class KeptBody(Body):
    """What is kept: exactly one of a share, of first nights, or an amount."""

    basis_points: Annotated[
        BasisPoints | None, Field(description="Of the whole price, in hundredths of a percent.")
    ] = None
    nights: Annotated[
        Annotated[int, Field(ge=1, le=90, strict=True), WHOLE] | None,
        Field(description="So many first nights."),
    ] = None
    amount: Annotated[MinorUnits | None, Field(description="In the offer's currency.")] = None


class FeeBody(Body):
    """A step of the cancellation terms: what is kept on cancelling before a moment."""

    hours_before: Annotated[
        Annotated[int, Field(ge=0, le=24 * 365, strict=True), WHOLE] | None,
        Field(
            description="Hours on the clock there before check-in or departure; null: the last"
            " step, which has no end."
        ),
    ] = None
    kept: KeptBody


Terms = Annotated[
    list[FeeBody],
    Field(
        min_length=1,
        max_length=10,
        description="In order of time: each `hours_before` less than the one before, the last"
        " step without.",
    ),
]


class TaxBody(Body):
    """A tax or fee that is added to the price: a SHARE has basis_points, the others an amount."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    kind: TaxKind
    basis_points: BasisPoints | None = None
    amount: MinorUnits | None = None


Taxes = Annotated[list[TaxBody], Field(max_length=20)]


def kept(body: KeptBody, field: str) -> dict[str, Any]:
    """Return what is kept, as it is stored. Raises OfferRefused."""
    words = "Say exactly one of basis_points, nights and amount."
    return _stored(Kept, body, field, words)


def terms(bodies: Sequence[FeeBody]) -> list[dict[str, Any]]:
    """Return cancellation terms, as they are stored. Raises OfferRefused."""
    steps = [
        FeeTemplate(
            hours_before=one.hours_before,
            kept=Kept.model_validate(kept(one.kept, f"terms[{number}].kept")),
        )
        for number, one in enumerate(bodies)
    ]
    expect_terms(steps)
    return [step.model_dump(mode="json") for step in steps]


def taxes(bodies: Sequence[TaxBody]) -> list[dict[str, Any]]:
    """Return taxes, as they are stored. Raises OfferRefused."""
    words = "A SHARE has basis_points, every other kind an amount."
    return [_stored(Tax, one, f"taxes[{n}]", words) for n, one in enumerate(bodies)]


def _stored(model: type[BaseModel], body: Body, field: str, words: str) -> dict[str, Any]:
    try:
        return model.model_validate(body.model_dump()).model_dump(mode="json")
    except ValidationError as error:  # each field has been checked
        raise OfferRefused(field, words) from error
