"""Who of a party is in which age band (ticket category), by their ages on the day."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """So many tickets of one price, for people of an age."""

    name: str
    """In the supplier's words."""
    count: int
    youngest: int | None = None
    """In whole years; None: the supplier does not say."""
    oldest: int | None = None
    """In whole years, that year included; None: the supplier does not say."""

    def takes(self, age: int) -> bool:
        """Tell whether it is for people of an age."""
        return (self.youngest or 0) <= age and (self.oldest is None or age <= self.oldest)

    def __str__(self) -> str:
        ages = ""
        if self.youngest is not None or self.oldest is not None:
            most = "" if self.oldest is None else self.oldest
            ages = f" (ages {self.youngest or 0}–{most})"
        return f"{self.count} {self.name.lower()}{ages}"


def bands_of(ages: Sequence[int], bands: Sequence[Band]) -> list[int]:
    """Return the number of each traveller's band, in the travellers' order.

    Where ages leave a choice, bands are given in their order.

    Args:
        ages: in whole years, on the day.
        bands: what was bought; as many tickets as travellers.

    Raises:
        ValueError: the party does not fit them; in words for people.
    """
    tickets = [number for number, band in enumerate(bands) for _ in range(band.count)]
    holders: dict[int, int] = {}
    """The traveller who has a ticket."""

    def seat(traveler: int, tried: set[int]) -> bool:
        # An augmenting path: whoever has a ticket gives way if there is another one for them.
        fitting = [n for n, band in enumerate(tickets) if bands[band].takes(ages[traveler])]
        for ticket in sorted(fitting, key=holders.__contains__):
            if ticket in tried:
                continue
            tried.add(ticket)
            if ticket not in holders or seat(holders[ticket], tried):
                holders[ticket] = traveler
                return True
        return False

    if len(tickets) != len(ages) or not all(seat(one, set()) for one in range(len(ages))):
        party = ", ".join(map(str, ages))
        raise ValueError(
            f"travellers aged {party} on the day do not fit {' and '.join(map(str, bands))}"
        )
    found = {traveler: tickets[ticket] for ticket, traveler in holders.items()}
    return [found[traveler] for traveler in range(len(ages))]
