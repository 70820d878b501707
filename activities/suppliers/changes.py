"""The activity that changes a reservation in place, where its supplier does that."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from temporalio import activity

from activities.core.attempts import AttemptLog, Intent
from activities.core.failures import application_error, problem
from activities.core.heartbeats import heartbeating
from models import calls
from models.core.database import Sessions
from models.core.errors import AuthConfig, Fault, Refusal
from models.core.supply import Reservation
from models.suppliers.messages import BookedItem, ChangeCall
from suppliers.core.protocol import ChangesReservations, Sells

MOVE = "move"
"""The operation in keys and attempts, and the step that problems name."""


class ItemChangeActivities:
    """Changes in place; every call goes through the attempt log."""

    def __init__(self, sessions: Sessions, suppliers: Mapping[str, Sells[Any, Any]]) -> None:
        self._log = AttemptLog(sessions)
        self._suppliers = suppliers

    @activity.defn(name=calls.CHANGE_ITEM.name)
    async def change_item(self, call: ChangeCall) -> BookedItem:
        """Change a reservation once in effect; what was never answered is asked again.

        Under the same key, which the supplier carries out once.

        Raises:
            ApplicationError: no answer (retryable).
        """
        name = call.component.supplier
        intent = Intent(
            booking_id=call.booking_id,
            provider=name,
            operation=MOVE,
            key=call.key,
            item=call.item,
            names=tuple(call.party.name.split()),
        )
        try:
            supplier: Any = self._suppliers.get(name)
            if not isinstance(supplier, ChangesReservations):
                raise AuthConfig(
                    f"{name} changes no reservations here", provider=name, operation=MOVE
                )
            changer: ChangesReservations[Any, Any] = supplier

            async def change(_: int) -> Reservation:
                return await changer.change(
                    call.reservation, call.component, call.quote, call.party, call.key
                )

            async with heartbeating():
                changed = await self._log.once(
                    intent,
                    Reservation,
                    change,
                    look_up=_nothing_to_see,
                    repeat_after=dt.timedelta(0),
                )
        except Refusal as refusal:
            doubtful = bool((await self._log.past(call.key)).doubtful)
            return BookedItem(
                refused=problem(refusal, step=MOVE, item=call.item), doubtful=doubtful
            )
        except Fault as fault:
            raise application_error(fault) from fault
        return BookedItem(reservation=changed)


async def _nothing_to_see(_: dt.datetime) -> None:
    return None
