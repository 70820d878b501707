"""The booking process: a form, its finish, and what became of it."""

import datetime as dt
from typing import Any

from fastapi import Request, Response

from sandbox.amounts import raised
from sandbox.faults import Fault
from sandbox.ratehawk import messages
from sandbox.ratehawk.catalogue import Stay, major, stay_of
from sandbox.ratehawk.ledger import FORM_LIFE, SUPPLIER, ledger_of, reference_of
from sandbox.ratehawk.messages import done, failed, internal_error, too_many
from sandbox.ratehawk.outcomes import AT_FINISH
from sandbox.world import Answer, World

_MAX_ROOMS = 9


class Booking:
    """Answers along the booking process; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def form(self, request: Request, asked: messages.Form) -> Response:
        """Make a form under a partner_order_id that was never used. Nothing is booked."""
        identity = asked.partner_order_id

        async def commit(fault: Fault | None) -> Answer:
            if self._ledger.form(identity) is not None:
                order = self._ledger.order(identity)
                decided = order is not None and order.status != "processing"
                return failed("duplicate_reservation" if decided else "double_booking_form")
            kept = self._ledger.rate(asked.book_hash)
            if kept is None:
                return failed("rate_not_found")
            drifted = fault is not None and fault.kind == "price_drift"
            price = raised(kept.price) if drifted else kept.price
            order_id = 100_000_001 + len(self._world.shelf("ratehawk_forms").documents)
            self._ledger.keep_form(
                identity,
                {
                    "order_id": order_id,
                    "stay": kept.stay.as_json(),
                    "price": price,
                    "made": self._world.now().isoformat(),
                    "outcome": self._ledger.outcomes.draw(identity),
                    "gone": False,
                },
            )
            return done(
                {
                    "order_id": order_id,
                    "item_id": order_id + 1,
                    "partner_order_id": identity,
                    "payment_types": [_payment_type(kept.stay, price)],
                    "is_gender_specification_required": False,
                    "upsell_data": [],
                }
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="book",
            reference=reference_of(identity),
            request=request,
            commit=commit,
            refuse=lambda: failed("rate_not_found"),
            error=internal_error,
        )

    async def finish(self, request: Request, asked: messages.Finish) -> Response:
        """Begin the order of a form; a second time while it stands or runs is refused."""
        identity = asked.partner.partner_order_id

        async def commit(fault: Fault | None) -> Answer:
            form = self._ledger.form(identity)
            if form is None:
                return failed("order_not_found")
            order = self._ledger.order(identity)
            if order is not None:
                expired = order.status == "failed"
                return failed("booking_form_expired" if expired else "double_booking_finish")
            problem = self._problem(form, asked)
            if fault is not None and fault.kind == "price_drift":
                problem = "rate_not_found"  # it is gone at that price
            if problem:
                self._ledger.keep_form(identity, form)
                return failed(problem)
            guests = [guest.model_dump() for guest in asked.rooms[0].guests]
            record = self._ledger.begin(identity, form, guests)
            answer = done(None, effect="created", id=identity, amount=record.price)
            if form["outcome"].startswith("unknown_"):
                answer.body = messages.envelope(None, status="error", error="unknown")
            return answer

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="book",
            reference=reference_of(identity),
            request=request,
            commit=commit,
            refuse=lambda: failed("rate_not_found"),
            error=internal_error,
        )

    def _problem(self, form: dict[str, Any], asked: messages.Finish) -> str:
        """Return why a form cannot be finished like this, "" when it can."""
        if form["outcome"] == "booking_form_expired" or form["gone"]:
            form["gone"] = True
            return "booking_form_expired"
        if form["outcome"] in AT_FINISH:
            return str(form["outcome"])
        made = dt.datetime.fromisoformat(form["made"])
        if self._world.now() - made > FORM_LIFE:
            form["gone"] = True
            return "booking_form_expired"
        stay = stay_of(form["stay"])
        paid = asked.payment_type
        if paid.type != "deposit":
            return "chosen_payment_type_was_not_available_on_booking_form"
        if (paid.amount, paid.currency_code) != (
            major(form["price"], stay.currency),
            stay.currency,
        ):
            return "incorrect_chosen_payment_type"
        if len(asked.rooms) > _MAX_ROOMS:
            return "unauthorized_group_booking"
        if len(asked.rooms) != 1:
            return "incorrect_rooms_number"
        guests = asked.rooms[0].guests
        if sum(not guest.is_child for guest in guests) != stay.adults:
            return "incorrect_guests_number"
        ages = sorted(-1 if g.age is None else g.age for g in guests if g.is_child)
        if ages != sorted(stay.children):
            return "incorrect_children_data"
        return "" if "@" in asked.user.email else "email"

    async def status(self, request: Request, asked: messages.ByOrder) -> Response:
        """What became of an order: the only thing that tells."""
        identity = asked.partner_order_id

        async def commit(_: Fault | None) -> Answer:
            order = self._ledger.order(identity)
            if order is None:
                known = self._ledger.form(identity) is not None
                return failed("booking_finish_did_not_succeed" if known else "order_not_found")
            if order.status == "failed":
                return failed(order.data["final"])
            if order.status != "processing":
                return done(_progress(identity, 100))
            if order.data["outcome"].startswith("unknown_"):
                return failed("unknown")
            if order.data["final"] == "3ds_wanted":
                acs = {"action_url": "https://acs.invalid/start", "method": "post", "data": {}}
                return Answer(
                    200,
                    messages.envelope(_progress(identity, 50) | {"data_3ds": acs}, status="3ds"),
                )
            return Answer(200, messages.envelope(_progress(identity, 50), status="processing"))

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="find",
            reference=reference_of(identity),
            request=request,
            commit=commit,
            refuse=too_many,
            error=internal_error,
        )


def _payment_type(stay: Stay, price: int) -> dict[str, Any]:
    return {
        "type": "deposit",
        "amount": major(price, stay.currency),
        "currency_code": stay.currency,
        "is_need_credit_card_data": False,
        "is_need_cvc": False,
        "recommended_price": None,
    }


def _progress(identity: str, percent: int) -> dict[str, Any]:
    return {
        "data_3ds": None,
        "partner_order_id": identity,
        "percent": percent,
        "prepayment": None,
    }
