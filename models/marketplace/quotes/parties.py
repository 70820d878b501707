"""Who travels: adults and children by age, and how a party is spread over rooms. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

OLDEST_CHILD = 17
"""Years; whoever is older is named as an adult."""


@dataclass(frozen=True)
class Party:
    """Adults, and the ages of children."""

    adults: int
    children: tuple[int, ...] = ()

    @property
    def persons(self) -> int:
        """How many they are."""
        return self.adults + len(self.children)

    def counted(self, child_age_max: int) -> tuple[int, int]:
        """Return how many count as adults where children are up to so old, and as children."""
        grown = sum(age > child_age_max for age in self.children)
        return self.adults + grown, len(self.children) - grown

    def spread(self, rooms: int, child_age_max: int) -> list["Party"]:
        """Return the party over so many rooms, as evenly as can be; each has an adult.

        Who counts as an adult is spread from the first room on, children from the last one on. The
        search reckons the same in SQL.
        """
        young = sorted(age for age in self.children if age <= child_age_max)
        grown = sorted(age for age in self.children if age > child_age_max)
        people: Sequence[int | None] = [*[None] * self.adults, *grown]
        return [
            Party(
                adults=sum(one is None for one in people[room::rooms]),
                children=tuple(
                    sorted(
                        [
                            *(one for one in people[room::rooms] if one is not None),
                            *young[rooms - 1 - room :: rooms],
                        ]
                    )
                ),
            )
            for room in range(rooms)
        ]
