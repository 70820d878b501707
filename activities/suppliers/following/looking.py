"""Looking at what is due: awaited items, late commits, looks that had no answer."""

import datetime as dt
import logging
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client
from temporalio.service import RPCError

from activities.suppliers.following.beginning import begin_following
from activities.suppliers.items import ItemActivities
from models.bookings.booking import Booking, Item
from models.bookings.lifecycle import SETTLED_STATES
from models.bookings.repository import load_booking, load_identity
from models.core.cases import CaseKind, open_case, was_opened
from models.core.database import DATABASE_AWAY, Sessions
from models.core.errors import AuthConfig, Fault
from models.core.patience import Patience
from models.core.supply import Reservation
from models.suppliers.following import Followed, news_about
from models.suppliers.listings import title_of
from models.suppliers.looks import DueLook, Reason, due_looks, end_look, enrol, look_again
from settings import Settings
from suppliers.core.protocol import FindsReservations, Supplier

SLOWER = 20
"""Pauses grow with age: a reservation awaited for ten hours is looked at every half hour."""
LONGEST_PAUSE = dt.timedelta(hours=2)
BUSY_PAUSE = dt.timedelta(seconds=30)
"""Until a booking is looked at again that something else works on."""
DEADLINE = dt.timedelta(hours=72)
"""By when suppliers confirm (providers.md §5); later a person asks why they do not."""

OUR_OUTAGES = (RPCError, *DATABASE_AWAY)
"""Temporal or the database is away."""

log = logging.getLogger("tripsaga.following")


class Looker:
    """Looks at each due item, and has ``FollowBooking`` act on what differs."""

    def __init__(
        self,
        sessions: Sessions,
        items: ItemActivities,
        suppliers: Mapping[str, Supplier],
        settings: Settings,
        client: Client,
        patience: Patience,
    ) -> None:
        self._sessions = sessions
        self._items = items
        self._suppliers = suppliers
        self._settings = settings
        self._client = client
        self._patience = patience
        self._pause = dt.timedelta(seconds=settings.follow.look_seconds)
        self._window = dt.timedelta(hours=settings.late_commit_hours)
        self._done = Followed()

    async def run(self) -> Followed:
        """Look at what is due, ``follow_at_once`` items of each supplier at most."""
        finding = [
            name for name, one in self._suppliers.items() if isinstance(one, FindsReservations)
        ]
        async with self._sessions.begin() as session:
            await enrol(
                session,
                awaiting=[*self._suppliers],
                finding=finding,
                pause=self._pause,
                window=self._window,
                limit=self._settings.follow.at_once,
            )
        for supplier in self._suppliers:
            await self._ask(supplier)
        return self._done

    async def _ask(self, supplier: str) -> None:
        """Look at what is due at one supplier, until it gives no answer."""
        async with self._sessions() as session:
            due = await due_looks(session, supplier, limit=self._settings.follow.at_once)
        for look in due:
            try:
                await self._look(look, supplier)
            except OUR_OUTAGES:
                raise  # nothing of this round could be written down
            except Exception as error:  # noqa: BLE001 - one item must not stop the others
                log.warning("%s about %s: %s", supplier, look.booking_id, error)
                async with self._sessions.begin() as session:
                    await look_again(session, look, str(error), pause=self._after(look, None))
                if isinstance(error, (Fault, AuthConfig)):
                    self._done.troubled.append(supplier)
                    return

    async def _look(self, look: DueLook, supplier: str) -> None:
        async with self._sessions() as session:
            booking = await load_booking(session, look.booking_id)
            owner = await load_identity(session, look.booking_id)
        assert booking is not None
        assert owner is not None
        item = booking.item(look.number)
        if booking.state not in SETTLED_STATES:
            await self._later(look, f"the booking is {booking.state}", BUSY_PAUSE)
            return
        if self._is_over(look, item):
            async with self._sessions.begin() as session:
                await end_look(session, look)
            return
        seen = await self._items.look(booking.id, item.number)
        self._done.looked += 1
        news = news_about(booking, item, seen)
        if news is None:
            await self._unchanged(look, booking, item, seen)
            return
        began = await begin_following(
            self._client,
            self._patience,
            booking,
            f"{title_of(supplier)} was asked, and it is {news}",
            items=[item.number],
            caller_id=owner.caller_id,
        )
        self._done.news += began
        told = f"it is {news}" if began else "a workflow of the booking runs"
        await self._later(look, told, BUSY_PAUSE)

    def _is_over(self, look: DueLook, item: Item) -> bool:
        """Tell whether nothing is to be expected any more."""
        if look.reason is Reason.AWAITED:
            return not item.awaited
        return look.reason is Reason.LATE and look.age > self._window

    async def _unchanged(
        self, look: DueLook, booking: Booking, item: Item, seen: Reservation | None
    ) -> None:
        async with self._sessions.begin() as session:
            if look.reason is Reason.ASKED:
                await end_look(session, look)
                return
            not_before = seen.look_after if seen else None
            pause = self._after(look, not_before)
            await look_again(session, look, "unchanged", pause=pause, not_before=not_before)
            if look.reason is Reason.AWAITED and look.age > DEADLINE:
                self._done.cases += await _overdue(session, booking, item)

    def _after(self, look: DueLook, not_before: dt.datetime | None) -> dt.timedelta:
        """Return the pause until the next look: what its supplier allows, growing with its age."""
        if look.reason is Reason.LATE:
            shortest = dt.timedelta(seconds=self._settings.follow.seconds)
            return min(max(shortest, look.age / 2), LONGEST_PAUSE)
        if not_before is not None:
            return dt.timedelta(0)  # it says itself when it wants to be asked
        return min(max(self._pause, look.age / SLOWER), LONGEST_PAUSE)

    async def _later(self, look: DueLook, why: str, pause: dt.timedelta) -> None:
        pause = min(pause, dt.timedelta(seconds=self._settings.follow.seconds))
        async with self._sessions.begin() as session:
            await look_again(session, look, why, pause=pause)


async def _overdue(session: AsyncSession, booking: Booking, item: Item) -> bool:
    """Have a person ask why a supplier neither confirms nor refuses; once."""
    source = f"supplier:{item.reference}:overdue"
    if await was_opened(session, source):
        return False
    return await open_case(
        session,
        kind=CaseKind.SUPPLIER,
        source=source,
        booking_id=booking.id,
        summary=f"{booking.reference}: {item.title} has been awaited for more than 72 hours;"
        f" ask {title_of(item.supplier)} whether it confirms. It is looked at further.",
        details={"item": str(item.number), "supplier": item.supplier},
    )
