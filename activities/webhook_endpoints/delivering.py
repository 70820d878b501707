"""Delivering what is due: claimed, sent, and what came of it noted."""

import logging
from collections.abc import Sequence

from models.core.cases import CaseKind, open_case
from models.core.database import Sessions
from models.core.outbox import events_after
from models.events.cloudevent import encode
from models.webhook_endpoints.claiming import (
    Claimed,
    claim,
    give_up,
    record_attempt,
    suspend_keyless,
)
from models.webhook_endpoints.deliveries import purge
from models.webhook_endpoints.fanning_out import fan_out
from models.webhook_endpoints.repository import drop_left_over
from models.webhook_endpoints.sending import LARGEST, WebhookSender
from models.webhook_endpoints.tables import DeliveryState

log = logging.getLogger("tripsaga.webhooks")


class Webhooks:
    """What a worker does for callers' endpoints; each step may be repeated, by any worker."""

    def __init__(self, sessions: Sessions, sender: WebhookSender) -> None:
        self._sessions = sessions
        self._sender = sender

    async def fan_out(self) -> tuple[int, int]:
        """Make deliveries of the next events; returns how many events, and how many deliveries."""
        async with self._sessions.begin() as session:
            return await fan_out(session)

    async def claim(self, room: int) -> Sequence[Claimed]:
        """Take deliveries that are due, up to ``room``."""
        async with self._sessions.begin() as session:
            return await claim(session, room)

    async def deliver(self, claimed: Claimed) -> None:
        """Send a claimed delivery and note what came of it."""
        async with self._sessions() as session:
            events = await events_after(session, claimed.position - 1, 1)
        if not events or events[0].position != claimed.position:
            reason = "the event is not kept any more"
            await self._give_up(claimed, DeliveryState.DROPPED, reason)
            return
        event = events[0]
        try:
            body = encode(event)
            if len(body) > LARGEST:
                raise ValueError(f"{len(body)} bytes are more than {LARGEST}")
        except ValueError as error:
            reason = f"the event cannot be sent: {error}"[:500]
            log.warning("%s of booking %s: %s", event.type, event.booking_id, reason)
            await self._give_up(claimed, DeliveryState.FAILED, reason)
            async with self._sessions.begin() as session:
                await open_case(
                    session,
                    kind=CaseKind.EVENT,
                    source=f"event:webhooks:{event.id}",
                    booking_id=event.booking_id,
                    summary=f"{event.type} of this booking cannot be sent to webhook endpoints",
                    details={"eventId": event.id, "position": event.position, "error": reason},
                )
            return
        reply = await self._sender.send(
            claimed.url,
            endpoint_id=claimed.endpoint_id,
            generations=claimed.generations,
            message_id=event.id,
            body=body,
        )
        async with self._sessions.begin() as session:
            await record_attempt(session, claimed, reply)

    async def look_after(self) -> None:
        """Pause the endpoints of callers whose keys are gone; give up what nobody is sent."""
        async with self._sessions.begin() as session:
            for endpoint_id in await suspend_keyless(session):
                log.info("webhook endpoint %s is paused: its caller has no valid key", endpoint_id)

        more = 1
        while more:
            async with self._sessions.begin() as session:
                more = await drop_left_over(session)

    async def forget(self) -> None:
        """Forget deliveries and attempts that are older than they are kept."""
        while True:
            async with self._sessions.begin() as session:
                if not await purge(session):
                    return

    async def _give_up(self, claimed: Claimed, state: DeliveryState, reason: str) -> None:
        async with self._sessions.begin() as session:
            await give_up(session, claimed, state, reason)
