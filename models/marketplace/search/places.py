"""Where is searched: a city by its name, or a box on the map."""

from dataclasses import dataclass
from typing import Any, Final

from models.marketplace.catalogue.places import city_norm

MOST_DEGREES: Final = 5.0
"""A box is at most so high and so wide."""


@dataclass(frozen=True)
class City:
    """A city, by its name."""

    name: str

    condition = "{table}.city_norm = :city"

    def values(self) -> dict[str, Any]:
        """Return the parameters of the condition."""
        return {"city": city_norm(self.name)}


@dataclass(frozen=True)
class Box:
    """Between two meridians and two parallels, degrees; west may be east of the date line."""

    west: float
    south: float
    east: float
    north: float

    condition = (
        "{table}.lat BETWEEN :south AND :north AND CASE WHEN CAST(:west AS float8) <= :east"
        " THEN {table}.lon BETWEEN :west AND :east"
        " ELSE {table}.lon >= :west OR {table}.lon <= :east END"
    )

    @property
    def fault(self) -> str | None:
        """What is wrong with it, in words; None: nothing."""
        if not (-180 <= self.west <= 180 and -180 <= self.east <= 180):
            return "west and east are -180 to 180"
        if not -90 <= self.south <= self.north <= 90:
            return "south and north are -90 to 90, and south is not north of north"
        if self.north - self.south > MOST_DEGREES or (self.east - self.west) % 360 > MOST_DEGREES:
            return f"it is at most {MOST_DEGREES:g} degrees high and wide"
        return None

    def values(self) -> dict[str, Any]:
        """Return the parameters of the condition."""
        return {"west": self.west, "south": self.south, "east": self.east, "north": self.north}


Area = City | Box
