"""Reading suppliers' lists of changes into the inbox: acknowledged only once they are kept."""

import datetime as dt
import logging
from collections.abc import Mapping

from models.core.database import DATABASE_AWAY, Sessions
from models.inbox.repository import receive_event
from models.suppliers.events import change_event
from models.suppliers.following import Followed
from models.suppliers.looks import mark_read, read_until
from suppliers.core.protocol import ListsChanges, Supplier

FIRST_READ = dt.timedelta(days=7)
"""How far back a list is read the first time."""
OVERLAP = dt.timedelta(minutes=10)
"""Read again each time: suppliers' clocks differ, and entries become visible late."""

log = logging.getLogger("tripsaga.following")


class ChangeReader:
    """Reads the lists of all suppliers that keep one."""

    def __init__(self, sessions: Sessions, suppliers: Mapping[str, Supplier]) -> None:
        self._sessions = sessions
        self._suppliers = suppliers

    async def run(self) -> Followed:
        """Read each list once; one supplier's trouble does not stop the others."""
        done = Followed()
        for name, supplier in self._suppliers.items():
            if not isinstance(supplier, ListsChanges):
                continue
            try:
                done.listed += await self._read(name, supplier)
            except DATABASE_AWAY:
                raise
            except Exception as error:  # noqa: BLE001 - one supplier must not stop the others
                log.warning("%s does not tell its changes: %s", name, error)
                done.troubled.append(name)
        return done

    async def _read(self, name: str, supplier: ListsChanges) -> int:
        begun = dt.datetime.now(dt.UTC)
        async with self._sessions() as session:
            mark = await read_until(session, name)
        changes = await supplier.changes(mark - OVERLAP if mark else begun - FIRST_READ)
        fresh = 0
        async with self._sessions.begin() as session:
            for change in changes:
                fresh += await receive_event(session, change_event(name, change))
            await mark_read(session, name, begun)
        acknowledgeable = [change for change in changes if change.acknowledgement is not None]
        if acknowledgeable:
            await supplier.acknowledge(acknowledgeable)
        return fresh
