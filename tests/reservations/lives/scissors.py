"""Crashes: a connection is cut in the middle of a transaction."""

from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event

AGAIN = -1
"""A cut after the commit: its worker does not hear of it, and the same is done once more."""


class Scissors:
    """Cuts a connection before a statement, or before its commit: what it wrote is rolled back."""

    def __init__(self, engine: Engine, eyes: psycopg.Connection[Any]) -> None:
        self._eyes = eyes
        self._left = 0
        self.again = False
        self.cuts = 0
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._count)

    def arm(self, cut: int) -> None:
        """Cut the so-and-so-manieth statement or commit from now on; 0: none."""
        self._left, self.again = max(cut, 0), cut == AGAIN

    def _statement(self, connection: Connection, *_: Any) -> None:
        self._count(connection)

    def _count(self, connection: Connection) -> None:
        if not self._left:
            return
        self._left -= 1
        if not self._left:
            driver: Any = connection.connection.driver_connection
            # It is gone before it reads what is sent next: not waited for, which takes 100 ms.
            self._eyes.execute("SELECT pg_terminate_backend(%s)", [driver.info.backend_pid])
            self.cuts += 1
