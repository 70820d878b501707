"""What is sent to have something priced: snake_case JSON, unknown fields refused (S6)."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.core.money import WHOLE, Currency
from models.core.times import Day
from models.marketplace.quotes.errors import QuoteRefused
from models.marketplace.quotes.messages import RoomWish, SeatsWish, StayWish, Wish
from models.marketplace.quotes.parties import OLDEST_CHILD, Party

MOST_ROOMS = 10
"""Of one quote."""

Adults = Annotated[int, Field(ge=1, le=50, strict=True), WHOLE]
Age = Annotated[int, Field(ge=0, le=OLDEST_CHILD, strict=True), WHOLE]
Travelers = Annotated[int, Field(ge=1, le=500, strict=True), WHOLE]


class RoomBody(BaseModel):
    """One unit of a room, with who is to sleep in it."""

    model_config = ConfigDict(extra="forbid")

    room_id: uuid.UUID
    adults: Adults
    children: Annotated[
        list[Age],
        Field(
            max_length=50,
            description="Their ages; up to which age one is a child, the listing"
            " says: who is older counts as an adult.",
        ),
    ] = []
    rate_plan_id: Annotated[
        uuid.UUID | None,
        Field(description="In place of the quote's own, of a stay in several types of room."),
    ] = None


class QuoteBody(BaseModel):
    """What is to be priced: a stay, a hotel package, or seats of a tour."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "product_type": "STAY",
                    "product_id": "6c1ab1c6-2f0e-5a55-9c3f-8d8a5d0b7e11",
                    "rate_plan_id": "0f1d7d0a-3d1c-5a0e-8a4e-0a7f6f2f9b42",
                    "check_in": "2027-03-12",
                    "check_out": "2027-03-15",
                    "rooms": [
                        {
                            "room_id": "b7d1f6c2-9a54-5e0d-8b1f-2f7c7a3f4d10",
                            "adults": 2,
                            "children": [5],
                        }
                    ],
                    "currency": "USD",
                },
                {
                    "product_type": "TOUR_PACKAGE",
                    "product_id": "e2b8a1d4-71c3-5f7e-a0b9-6d2f4c8e9a33",
                    "departure_id": "a4c0e9f2-5b6d-5c8e-9f10-3e7d1b2c4a55",
                    "travelers": 2,
                    "currency": "USD",
                },
            ]
        },
    )

    product_type: Literal["STAY", "HOTEL_PACKAGE", "TOUR_PACKAGE"]
    product_id: Annotated[
        uuid.UUID, Field(description="Of the listing, the hotel package or the tour.")
    ]
    rate_plan_id: Annotated[
        uuid.UUID | None,
        Field(description="Of a stay; without one each room is priced at its cheapest plan."),
    ] = None
    check_in: Annotated[Day | None, Field(description="Of a stay or a package.")] = None
    check_out: Annotated[
        Day | None, Field(description="Of a stay; a package is as long as it is.")
    ] = None
    departure_id: Annotated[uuid.UUID | None, Field(description="Of a tour.")] = None
    rooms: Annotated[
        list[RoomBody],
        Field(max_length=MOST_ROOMS, description="Of a stay or a package: each unit by itself."),
    ] = []
    travelers: Annotated[Travelers | None, Field(description="Of a tour: seats.")] = None
    currency: Annotated[Currency, Field(description="The one it is offered in.")]

    def wish(self) -> Wish:
        """Return what is asked for.

        Raises:
            QuoteRefused: something is missing, or is said that another product has.
        """
        if self.product_type == "TOUR_PACKAGE":
            self._expect(
                ("departure_id", "travelers"), of_others=("check_in", "check_out", "rooms")
            )
            assert self.travelers, "it was expected"
            return SeatsWish(
                str(self.product_id), str(self.departure_id), self.travelers, self.currency
            )
        needed = ("check_in", "rooms")
        others = ("departure_id", "travelers")
        if self.product_type == "STAY":
            self._expect((*needed, "check_out"), of_others=others)
        else:
            self._expect(needed, of_others=(*others, "rate_plan_id"))
        assert self.check_in, "it was expected"
        is_stay = self.product_type == "STAY"
        return StayWish(
            listing_id=str(self.product_id) if is_stay else None,
            check_in=self.check_in,
            check_out=self.check_out,
            rooms=tuple(self._room(number) for number in range(len(self.rooms))),
            currency=self.currency,
            package_id=None if is_stay else str(self.product_id),
        )

    def _room(self, number: int) -> RoomWish:
        one = self.rooms[number]
        plan = one.rate_plan_id or self.rate_plan_id
        if one.rate_plan_id is not None and self.product_type != "STAY":
            words = "A package has terms of its own, and no rate plan."
            raise QuoteRefused(f"rooms[{number}].rate_plan_id", "NOT_OF_THIS_PRODUCT", words)
        return RoomWish(
            room_id=str(one.room_id),
            party=Party(one.adults, tuple(one.children)),
            rate_plan_id=None if plan is None else str(plan),
        )

    def _expect(self, needed: tuple[str, ...], *, of_others: tuple[str, ...]) -> None:
        for name in needed:
            if not getattr(self, name):
                words = f"A {self.product_type} needs {name}."
                raise QuoteRefused(name, "MISSING", words)
        for name in of_others:
            if getattr(self, name):
                words = f"A {self.product_type} has no {name}."
                raise QuoteRefused(name, "NOT_OF_THIS_PRODUCT", words)
