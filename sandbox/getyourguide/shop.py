"""Tours, options, free dates and prices."""

import datetime as dt
from typing import Any, Final

from fastapi import Request, Response

from sandbox.amounts import digits, major, raised
from sandbox.faults import Fault
from sandbox.getyourguide import messages
from sandbox.getyourguide.catalogue import MOST_PEOPLE, START_TIMES, Tour, stamp, tour_of
from sandbox.getyourguide.ledger import SUPPLIER, Start, ledger_of
from sandbox.world import Answer, World

_DAYS_AHEAD = 365

ADULT_FROM: Final = 13
"""The youngest that the ticket category is for, in years."""


class Shop:
    """Answers what a buyer asks before booking; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def tour(self, request: Request) -> Response:
        """A tour's content: neither faulty nor logged, for partners keep a copy of it."""
        tour = self._asked(request)
        if tour is None:
            return self._unknown()
        shown = {
            "tour_id": tour.id,
            "title": tour.title,
            "cond_language": ["en"],
            "free_sale": tour.free_sale,
            "supplier_id": tour.supplier_id,
            "durations": [{"duration": tour.hours, "unit": "hour"}],
            "cancellation_policy": tour.policy,
            "cancellation_policy_text": tour.policy["cancellation_policy_text"],
        }
        return self._content(request, {"tours": [shown]})

    async def options(self, request: Request) -> Response:
        """A tour's options: content too."""
        tour = self._asked(request)
        if tour is None:
            return self._unknown()
        shown = {
            "option_id": tour.option_id,
            "tour_id": tour.id,
            "title": tour.title,
            "meeting_point": tour.meeting_point,
            "duration": tour.hours,
            "duration_unit": "hour",
            "cond_language": {"language_live": ["en"]},
            "questions": {
                "booking_questions": [
                    {"question": "booking_medical_conditions", "mandatory": False}
                ],
                "participant_questions": [
                    {"question": "traveler_names", "mandatory": True},
                    {"question": "traveler_heights", "mandatory": False},
                ],
                "conduction_language": {"mandatory": True},
                "free_text_question": {"mandatory": False, "description": "Anything else?"},
            },
            "free_sale": tour.free_sale,
        }
        return self._content(request, {"tour_options": [shown]})

    async def availability(self, request: Request) -> Response:
        """The days on which a tour takes place: content too."""
        tour = self._asked(request)
        if tour is None:
            return self._unknown()
        today = self._world.now().date()
        days = [today + dt.timedelta(days=number) for number in range(1, _DAYS_AHEAD)]
        answer = {
            "tour_id": tour.id,
            "participants_range": {"min": 1, "max": MOST_PEOPLE},
            "categories": [
                {"ticket_category": "adult", "name": "Adults", "independently_bookable": True}
            ],
            "available_dates": [{"date": day.isoformat(), "has_deal": False} for day in days],
            "update_timestamp": stamp(self._world.now()),
        }
        return Answer(200, answer).response()

    async def breakdown(self, request: Request, asked: messages.PriceBreakdown) -> Response:
        """Places and prices of every start of a day, for so many people."""
        tour = self._asked(request)

        def tour_options(options: list[dict[str, Any]]) -> Answer:
            return Answer(200, {"tour_options": options})

        async def commit(fault: Fault | None) -> Answer:
            if tour is None:
                return self._error(404, messages.NOT_FOUND, "Not found")
            try:
                digits(asked.base_data.currency)
            except ValueError as error:
                return self._error(400, messages.BAD_REQUEST, str(error))
            drift = fault is not None and fault.kind == "price_drift"
            return tour_options([self._option(tour, asked, drift=drift)])

        def refuse() -> Answer:
            sold_out = [] if tour is None else [self._option(tour, asked, sold_out=True)]
            return tour_options(sold_out)

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=refuse,
            error=messages.internal_error,
        )

    def _option(
        self,
        tour: Tour,
        asked: messages.PriceBreakdown,
        *,
        drift: bool = False,
        sold_out: bool = False,
    ) -> dict[str, Any]:
        day, currency = asked.data, asked.base_data.currency
        people = day.participants.get("adult", 0)
        strange = set(day.participants) != {"adult"} or not 1 <= people <= MOST_PEOPLE
        slots = []
        for time in START_TIMES:
            local = dt.datetime.combine(day.date, dt.time.fromisoformat(time))
            left = 0 if sold_out else self._ledger.left(tour, local)
            slot: dict[str, Any] = {"date_time": local.isoformat(), "vacancies": max(left, 0)}
            if tour.starts(local) <= self._world.now():
                slot |= {
                    "vacancies": 0,
                    "unavailability_reason": {"reason_group": "no_availability"},
                }
            elif strange:
                slot["unavailability_reason"] = {"reason_group": "invalid_request"}
            elif left < people:
                slot["unavailability_reason"] = {"reason_group": "not_enough_spots"}
            else:
                start = Start(tour, local, people, currency)
                price = self._ledger.told(start)
                price = raised(start.price) if drift else price
                slot["price_breakdown"] = _prices(start, price)
            slots.append(slot)
        return {"option_id": tour.option_id, "time_slots": slots}

    def _asked(self, request: Request) -> Tour | None:
        text = request.path_params["tour_id"]
        return tour_of(int(text)) if text.isdecimal() and len(text) < 12 else None

    def _content(self, request: Request, data: dict[str, Any]) -> Response:
        meta = messages.metadata(self._world.now(), str(request.query_params))
        return Answer(200, {"_metadata": meta, "data": data}).response()

    def _unknown(self) -> Response:
        return self._error(404, messages.NOT_FOUND, "The tour does not exist").response()

    def _error(self, status: int, code: int, message: str) -> Answer:
        return messages.error(status, code, message, self._world.now())


def _prices(start: Start, price: int) -> dict[str, Any]:
    each = {"retail_price": major(price, start.currency), "currency": start.currency}
    return {
        "individuals": [
            {
                "category_id": start.tour.category_id,
                "ticket_category": "adult",
                "quantity": start.people,
                "min_age": ADULT_FROM,
                "price": each,
                "independently_bookable": True,
            }
        ],
        "price_summary": each,
    }
