"""Keeping the world across restarts: one SQLite file.

Written before the answer to a request leaves, so that nothing a client was told is lost with a
killed process; what happens between requests (holds that lapse) is written behind.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sandbox.world import ReservationRecord, World

EVERY_SECONDS: Final = 0.2

_TABLES: Final = """
create table if not exists log (seq integer primary key, row text not null);
create table if not exists reservations (
    place integer primary key, supplier text not null, id text not null, record text not null,
    unique (supplier, id));
create table if not exists documents (
    place integer primary key, shelf text not null, id text not null, document text not null,
    unique (shelf, id));
"""
_KEEP_RESERVATION: Final = """
insert into reservations (supplier, id, record) values (?, ?, ?)
on conflict (supplier, id) do update set record = excluded.record
"""
_KEEP_DOCUMENT: Final = """
insert into documents (shelf, id, document) values (?, ?, ?)
on conflict (shelf, id) do update set document = excluded.document
"""


class StateFile:
    """The file behind a world."""

    def __init__(self, path: Path, world: World) -> None:
        self._world = world
        # It holds travellers' documents and the secrets of webhooks; SQLite gives the files beside
        # it the same mode.
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._database = sqlite3.connect(path, check_same_thread=False)
        # A power cut may cost the last writes, which a sandbox can do without; in return, no
        # request waits for the disk.
        self._database.executescript("pragma journal_mode=wal; pragma synchronous=off;" + _TABLES)

    def load(self) -> None:
        """Fill the world with what the file holds; once, before anything else happens."""
        world = self._world
        world.log.restore([json.loads(row) for row in self._column("row", "log", "seq")])
        for record in self._column("record", "reservations", "place"):
            world.reservations.add(ReservationRecord(**json.loads(record)))
        world.reservations.touched.clear()
        rows = self._database.execute("select shelf, id, document from documents order by place")
        for shelf, key, document in rows:
            world.shelf(shelf).documents[key] = json.loads(document)

    async def keep(self) -> None:
        """Write changes from time to time until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self.write()

    def write(self) -> None:
        """Write what has changed since the last time, all or nothing."""
        world = self._world
        with self._database as database:
            database.executemany("insert into log values (?, ?)", self._new_rows())
            database.executemany(
                _KEEP_RESERVATION,
                [
                    (record.supplier, record.id, json.dumps(vars(record)))
                    for record in world.reservations.touched.values()
                ],
            )
            world.reservations.touched.clear()
            for name, shelf in world.shelves.items():
                for key in shelf.touched:
                    document = shelf.documents.get(key)
                    if document is None:
                        database.execute(
                            "delete from documents where shelf = ? and id = ?", (name, key)
                        )
                    else:
                        database.execute(_KEEP_DOCUMENT, (name, key, json.dumps(document)))
                shelf.touched.clear()

    async def close(self) -> None:
        """Write the rest and close the file."""
        self.write()
        self._database.close()

    def _new_rows(self) -> Iterable[tuple[int, str]]:
        unsaved = self._world.log.unsaved
        while unsaved:
            row = unsaved.popleft()
            yield row["seq"], json.dumps(row)

    def _column(self, column: str, table: str, order: str) -> list[str]:
        rows = self._database.execute(f"select {column} from {table} order by {order}")  # noqa: S608
        return [row[0] for row in rows]
