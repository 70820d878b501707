"""How far a round has got: told with every heartbeat, and read by whoever takes it over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from pydantic import AwareDatetime, BaseModel
from temporalio import activity

from models.operations.messages import Reconciled
from models.payments.recorded import FIRST

BEAT_SECONDS = 5.0


class Progress(BaseModel):
    """Where to go on."""

    listed_until: AwareDatetime | None = None
    """The gateway's list is done up to here; None: not begun."""
    looked_after: str = FIRST
    """Bookings up to this id have been looked at."""
    started: dict[str, str | None] = {}
    """Bookings that this round has had settled, each with the stray payment, if it was for one."""
    answer: Reconciled = Reconciled()

    @classmethod
    def of_this_activity(cls) -> "Progress":
        """Return how far an earlier attempt at this activity has got."""
        details = activity.info().heartbeat_details
        return cls.model_validate(details[0]) if details else cls()


@asynccontextmanager
async def beating(progress: Progress | None = None) -> AsyncIterator[None]:
    """Heartbeat while the block runs, with the progress where there is one, and at its end."""
    details = () if progress is None else (progress,)
    beats = asyncio.create_task(_beat(details))
    try:
        yield
    finally:
        beats.cancel()
        with suppress(asyncio.CancelledError):
            await beats
        activity.heartbeat(*details)


async def _beat(details: Sequence[Progress]) -> None:
    while True:
        activity.heartbeat(*details)
        await asyncio.sleep(BEAT_SECONDS)
