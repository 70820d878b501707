"""Workflows and activities agree on every call: name, input and output."""

import inspect
import typing

from temporalio import activity

from activities.marketplace.holding import HoldActivities
from activities.operations.rounds import WatchActivities
from activities.payments.activities import PaymentActivities
from activities.reservations.moving import MoveActivities
from activities.reservations.record import ReservationActivities
from activities.suppliers.changes import ItemChangeActivities
from activities.suppliers.following.rounds import FollowActivities
from activities.suppliers.items import ItemActivities
from activities.trips.cancellation_quotes import CancelQuoteActivities
from activities.trips.changes import ChangeActivities
from activities.trips.quotes import QuoteActivities
from activities.trips.record import BookingActivities
from models.calls import ALL_CALLS


def test_every_call_has_an_activity_of_its_shape() -> None:
    defined = {}
    homes = (
        BookingActivities,
        ReservationActivities,
        MoveActivities,
        HoldActivities,
        QuoteActivities,
        CancelQuoteActivities,
        ChangeActivities,
        ItemActivities,
        ItemChangeActivities,
        PaymentActivities,
        WatchActivities,
        FollowActivities,
    )
    for home in homes:
        for _, function in inspect.getmembers(home, inspect.isfunction):
            definition = activity._Definition.from_callable(function)
            if definition is not None:
                hints = typing.get_type_hints(function)
                returned = hints.pop("return")
                (taken,) = hints.values()
                defined[definition.name] = (taken, returned)
    assert defined == {call.name: (call.input, call.output) for call in ALL_CALLS}
