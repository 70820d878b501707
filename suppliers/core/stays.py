"""What the offers of all hotels have in common: nights, and guests by their ages."""

import datetime as dt
from typing import Annotated, TypeVar

from pydantic import Field

from models.core.party import ADULT
from models.core.supply import TripComponent
from models.core.text import Text
from suppliers.core import offers
from suppliers.core.offers import Offer, invalid
from suppliers.core.protocol import Party


class StayOffer(Offer):
    """The offer of a hotel room, as far as all suppliers have the same in it."""

    name: Text
    checkin: dt.date
    checkout: dt.date
    adults: int = Field(ge=0)
    children: tuple[Annotated[int, Field(ge=0, lt=ADULT)], ...] = ()
    """Their ages at check-in: guests younger than adults are children, and hotels want to know."""

    @property
    def nights(self) -> int:
        """How many."""
        return (self.checkout - self.checkin).days

    @property
    def people(self) -> int:
        """How many people."""
        return self.adults + len(self.children)

    @property
    def title(self) -> str:
        """Hotel and nights, for people."""
        return f"{self.name}, {self.checkin:%-d %b} – {self.checkout:%-d %b %Y}"


Stay = TypeVar("Stay", bound=StayOffer)


def read_stay(
    model: type[Stay], item: TripComponent, party: Party, *, provider: str, operation: str
) -> Stay:
    """Read a component's offer for the guests that really come.

    How many of them are children, and how old, tells the party: an offer that was searched for
    adults only is asked for anew, at the price of those who travel.

    Raises:
        InvalidRequest: it is none; for another number of people, children of other ages, another
            currency or no nights; or no adult travels.
    """
    stay = offers.read_offer(model, item, party, provider=provider, operation=operation)
    ages = tuple(a for t in party.travelers if (a := t.age_on(stay.checkin)) < ADULT)
    if stay.children and sorted(stay.children) != sorted(ages):
        words = "the hotel offer is for children of other ages"
        raise invalid(provider, operation, words, "travelers")
    if stay.checkin >= stay.checkout:
        raise invalid(provider, operation, "the hotel offer has no nights")
    if len(ages) == len(party.travelers):
        words = "a hotel takes children only with an adult"
        raise invalid(provider, operation, words, "travelers")
    return stay.model_copy(update={"adults": len(party.travelers) - len(ages), "children": ages})
