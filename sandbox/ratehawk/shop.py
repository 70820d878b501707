"""Searching and prebooking: what is free, at which price and terms."""

from typing import Any

from fastapi import Request, Response

from sandbox.amounts import digits
from sandbox.faults import Fault
from sandbox.ratehawk import messages
from sandbox.ratehawk.catalogue import (
    HOME_CURRENCY,
    SPARSE,
    Hotel,
    Stay,
    daily,
    fee_steps,
    free_before,
    hotel_of,
    major,
    naive,
    rooms_for,
)
from sandbox.ratehawk.ledger import SUPPLIER, ledger_of
from sandbox.ratehawk.messages import done, failed, internal_error
from sandbox.world import Answer, World


class Shop:
    """Answers what a buyer asks before ordering; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def hotel_info(self, _: Request, asked: messages.HotelInfo) -> Response:
        """Static content: neither faulty nor logged, for it is nothing a saga waits on."""
        hotel = hotel_of(asked.hid)
        if hotel is None:
            return failed("hotel_not_found").response()
        facts = {
            "hid": hotel.hid,
            "id": hotel.slug,
            "name": hotel.name,
            "kind": "Hotel",
            "address": hotel.address,
            "check_in_time": "15:00:00",
            "check_out_time": "11:00:00",
        }
        return done(facts).response()

    async def hotelpage(self, request: Request, asked: messages.Search) -> Response:
        """The rates of one hotel; an unknown or full one has none."""

        async def commit(fault: Fault | None) -> Answer:
            problem = self._bad_search(asked)
            if problem is not None:
                return problem
            hotel = hotel_of(asked.hid)
            if hotel is None:
                return done({"hotels": []})
            free = [stay for stay in _stays(hotel, asked) if self._ledger.left(stay) > 0]
            if fault is not None and fault.kind == "price_drift":
                for stay in free:
                    self._ledger.drift(stay)
            rates = [self._rate(stay, *self._ledger.show(stay)) for stay in free]
            if rates and hotel.hid == SPARSE:
                rates = [{"book_hash": None, "room_name": None, "payment_options": None}, *rates]
            found = [{"id": hotel.slug, "hid": hotel.hid, "rates": rates}]
            return done({"hotels": found if rates else []})

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=lambda: done({"hotels": []}),
            error=internal_error,
        )

    def _bad_search(self, asked: messages.Search) -> Answer | None:
        try:
            digits(asked.currency)
        except ValueError:
            return failed("invalid_params", http=400)
        today = self._world.now().date()
        if (
            not today <= asked.checkin < asked.checkout
            or (asked.checkout - asked.checkin).days > 30
        ):
            return failed("invalid_params", http=400)
        return None

    async def prebook(self, request: Request, asked: messages.Prebook) -> Response:
        """Keep a rate for booking, dearer by so many percent at most."""

        async def commit(fault: Fault | None) -> Answer:
            kept = self._ledger.rate(asked.hash)
            if kept is None:
                return failed("rate_not_found")
            stay = kept.stay
            if fault is not None and fault.kind == "price_drift":
                self._ledger.drift(stay)
            prebooked = self._ledger.prebook(kept, asked.price_increase_percent)
            if prebooked is None:
                return failed("no_available_rates")
            rate = self._rate(stay, *prebooked)
            return done(
                {
                    "hotels": [{"id": stay.hotel.slug, "hid": stay.hotel.hid, "rates": [rate]}],
                    "changes": {"price_changed": prebooked[1] != kept.price},
                }
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=lambda: failed("no_available_rates"),
            error=internal_error,
        )

    def _rate(self, stay: Stay, book_hash: str, price: int) -> dict[str, Any]:
        steps = fee_steps(stay, price)
        ends = [*(start for start, _ in steps[1:]), None]
        amount = major(price, stay.currency)
        return {
            "book_hash": book_hash,
            "match_hash": stay.match_hash,
            "daily_prices": daily(stay, price),
            "meal": "nomeal",
            "room_name": stay.room.name,
            "allotment": min(self._ledger.left(stay), 10),
            "payment_options": {
                "payment_types": [
                    {
                        "type": "deposit",
                        "amount": amount,
                        "show_amount": amount,
                        "currency_code": stay.currency,
                        "show_currency_code": stay.currency,
                        "is_need_credit_card_data": False,
                        "is_need_cvc": False,
                        "tax_data": {"taxes": _taxes(stay, price)},
                        "cancellation_penalties": {
                            "policies": [
                                {
                                    "start_at": naive(start),
                                    "end_at": naive(end),
                                    "amount_charge": major(fee, stay.currency),
                                    "amount_show": major(fee, stay.currency),
                                }
                                for (start, fee), end in zip(steps, ends, strict=True)
                            ],
                            "free_cancellation_before": naive(free_before(stay, price)),
                        },
                    }
                ]
            },
        }


def _taxes(stay: Stay, price: int) -> list[dict[str, Any]]:
    vat = {"name": "vat", "included_by_supplier": True, "amount": major(price // 11, stay.currency)}
    taxes = [{**vat, "currency_code": stay.currency}]
    if stay.city_tax:
        amount = major(stay.city_tax, HOME_CURRENCY)
        city = {"name": "city_tax", "included_by_supplier": False, "amount": amount}
        taxes.append({**city, "currency_code": HOME_CURRENCY})
    return taxes


def _stays(hotel: Hotel, asked: messages.Search) -> list[Stay]:
    party = asked.guests[0]
    return [
        Stay(
            hotel,
            room,
            asked.checkin,
            asked.checkout,
            party.adults,
            tuple(party.children),
            asked.currency,
        )
        for room in rooms_for(party.adults + len(party.children))
    ]
