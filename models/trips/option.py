"""The trip option a trip planner offers (docs/trip-planner.md).

JSON is camelCase, as trip planners send it (contracts.md §1); Python is snake_case.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from models.core.money import Currency, MinorUnits
from models.core.people import Traveler
from models.core.supply import TripComponent
from models.core.text import CamelModel, Key, Text


class Trip(CamelModel):
    """A whole trip with the offers of its suppliers; ``total_price`` is in minor units."""

    model_config = ConfigDict(extra="ignore")

    title: Annotated[Text, Field(max_length=300)] = ""
    total_price: MinorUnits
    currency: Currency
    travelers: list[Traveler] = Field(default=[], max_length=20)
    components: Annotated[list[TripComponent], Field(min_length=1, max_length=20)]


class TripOption(Trip):
    """A trip as a planner offers it, under the planner's id."""

    trip_option_id: Key
