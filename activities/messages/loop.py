"""The loop that sends mails and texts: part of every worker process, as many of which may run."""

import asyncio
import logging

from activities.core.pauses import keep_doing
from activities.messages.mail import MailSender
from activities.messages.outcomes import NotTaken
from activities.messages.texts import TextSender
from models.accounts import challenges
from models.core.database import Sessions
from models.core.sealing import Sealer
from models.messages import outbox
from models.messages.outbox import Claimed
from models.messages.tables import Channel
from models.messages.templates import words

POLL_SECONDS = 0.5
"""How often a worker looks for what is due: somebody waits for a code."""
AT_ONCE = 16
FORGET_SECONDS = 3600.0

log = logging.getLogger("tripsaga.messages")


class Messages:
    """Claims messages and sends them."""

    def __init__(
        self, sessions: Sessions, sealer: Sealer, mails: MailSender, texts: TextSender
    ) -> None:
        self._sessions = sessions
        self._sealer = sealer
        self._mails = mails
        self._texts = texts

    async def claim(self, room: int) -> list[Claimed]:
        """Take up to ``room`` messages that are due."""
        async with self._sessions.begin() as session:
            return [*await outbox.claim(session, room)]

    async def deliver(self, claimed: Claimed) -> None:
        """Send a message and note what came of it.

        Whoever dies between the two has it sent again, under the same id.
        """
        try:
            await self._send(claimed)
        except NotTaken as error:
            async with self._sessions.begin() as session:
                if error.for_good:
                    await outbox.given_up(session, claimed, str(error))
                    again = False
                else:
                    again = await outbox.postponed(session, claimed, str(error))
            # Why stands in the row: what servers say names people, and logs do not (S19).
            told = "is tried again" if again else "is given up"
            log.warning("message %s was not taken and %s", claimed.id, told)
            return
        async with self._sessions.begin() as session:
            await outbox.sent(session, claimed)

    async def _send(self, claimed: Claimed) -> None:
        try:
            told = words(claimed.template, claimed.channel, claimed.told(self._sealer))
        except Exception as error:
            raise NotTaken(f"it cannot be put into words: {error!r}") from error
        if claimed.channel is Channel.EMAIL:
            await self._mails.send(claimed.id, claimed.recipient, told, claimed.created_at)
        else:
            await self._texts.send(claimed.id, claimed.recipient, told)

    async def forget(self) -> None:
        """Delete what is old, of accounts too."""
        async with self._sessions.begin() as session:
            await outbox.forget(session)
        async with self._sessions.begin() as session:
            await challenges.forget(session)

    async def close(self) -> None:
        """Close the connections."""
        await self._texts.close()


class MessageLoop:
    """Sends what is due; workers share it by leases."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._sending: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        """There is room for another one."""

    async def run(self, stop: asyncio.Event, grace_seconds: float) -> None:
        """Run until ``stop`` is set; what is being sent then has ``grace_seconds`` to end.

        What does not end in time is sent again when its lease runs out.
        """
        trouble = "mails and texts cannot be looked after"
        tasks = [
            asyncio.create_task(keep_doing(self._round, stop, log, trouble, wake=self._wake)),
            asyncio.create_task(keep_doing(self._forget, stop, log, trouble)),
        ]
        await stop.wait()
        self._wake.set()
        if self._sending:
            await asyncio.wait(self._sending, timeout=grace_seconds)
        for task in (*tasks, *self._sending):
            task.cancel()
        await asyncio.gather(*tasks, *self._sending, return_exceptions=True)
        await self._messages.close()

    async def _round(self) -> float:
        room = AT_ONCE - len(self._sending)
        claimed = await self._messages.claim(room) if room else []
        for one in claimed:
            task = asyncio.create_task(self._deliver(one))
            self._sending.add(task)
            task.add_done_callback(self._sent)
        return 0 if claimed else POLL_SECONDS

    async def _deliver(self, claimed: Claimed) -> None:
        try:
            await self._messages.deliver(claimed)
        except Exception as error:  # noqa: BLE001 - nothing may end the loop
            # What came of it could not be written: it is sent again when its lease runs out.
            log.warning(
                "what came of message %s is not noted: %s", claimed.id, type(error).__name__
            )

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if len(self._sending) == AT_ONCE - 1:
            self._wake.set()

    async def _forget(self) -> float:
        await self._messages.forget()
        return FORGET_SECONDS
