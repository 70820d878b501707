"""How PostgreSQL carries out the statement of a list, and whether it will as the table grows."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.database import Sessions

MOST_BUFFERS = 80
"""Of 8 kB, which a page of 20 rows may touch; what is shown beside each row has its own."""
MOST_BESIDE = 12
"""The same for what is looked up for one row that is shown."""
MOST_A_ROW = 4
"""The same for a row that is looked up by its key: an index of a million has three levels."""

Query = Callable[[AsyncSession], Awaitable[Any]]
Sent = tuple[str, dict[str, Any]]
"""A statement as it was sent, with its parameters by name."""


@dataclass
class Plan:
    """What became of a statement."""

    indexes: list[str] = field(default_factory=list)
    buffers: int = 0
    """Read or found in memory, without what is looked up for each row that is shown."""
    beside: int = 0
    """What was."""
    rows: int = 0
    removed: int = 0
    """Rows that were read and left out."""
    sorted_rows: int = 0
    """Rows that were sorted; 0 where none had to be."""
    scans: list[str] = field(default_factory=list)
    """Tables that were read whole."""
    milliseconds: float = 0.0

    def faults(
        self,
        *,
        limit: int,
        ranges: int = 1,
        named: int = 0,
        joined: int = 0,
        counts: bool = False,
        generic: bool,
    ) -> list[str]:
        """Return what is wrong with a page of ``limit`` rows, or with what ``counts`` so many.

        ``ranges`` of an index are merged for it; or ``named`` rows at most are looked up, which are
        sorted and may be left out. ``joined`` rows of other tables are looked up for each. A plan
        for given values may prefer leaving out as many rows as it returns; what the API runs is the
        one for any (``generic``).
        """
        most = max(MOST_BUFFERS, limit + 6 * ranges)
        if named:  # a small index may be read whole instead
            most += 2 * MOST_BUFFERS + 10 * named
        most += MOST_A_ROW * joined * (limit + 1)
        found = [f"{table} is read whole" for table in self.scans]
        # no more than a page has; what is counted is not sorted at all
        if self.sorted_rows > (0 if counts else max(named, limit + 1)):
            found.append(f"{self.sorted_rows} rows are sorted")
        left_out = 0 if counts and generic else limit if generic else 2 * limit
        if self.removed > named + left_out:
            found.append(f"{self.removed} rows are read and left out")
        if self.buffers > most:
            found.append(f"{self.buffers} buffers are touched")
        if self.beside > MOST_BESIDE * max(self.rows, 1):
            found.append(f"{self.beside} buffers are touched beside {self.rows} rows")
        return found


async def statements_of(sessions: Sessions, query: Query) -> list[Sent]:
    """Run a query of the code and return the statements it sends."""
    engine = sessions.kw["bind"].sync_engine
    sent: list[Sent] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, dict(parameters)))

    event.listen(engine, "before_cursor_execute", note)
    try:
        async with sessions() as session:
            await query(session)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


class Explainer:
    """Explains statements on one connection."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def explain(self, sent: Sent, *, generic: bool) -> Plan:
        """Carry a statement out, planned for its parameters or for any, and say how it went."""
        with self.prepared(sent, generic=generic) as execute:
            explained = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + execute
            row = self._connection.execute(explained).fetchone()
        assert row is not None
        (told,) = row[0]
        plan = Plan(milliseconds=told["Execution Time"], rows=told["Plan"]["Actual Rows"])
        _read(told["Plan"], plan, shown=True)
        plan.buffers -= plan.beside
        return plan

    def prepared(self, sent: Sent, *, generic: bool) -> "_Prepared":
        """Return a context in which the statement is prepared; it gives what executes it."""
        return _Prepared(self._connection, sent, generic=generic)


class _Prepared:
    def __init__(self, connection: psycopg.Connection, sent: Sent, *, generic: bool) -> None:
        self._connection = connection
        statement, parameters = sent
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
        numbered = re.sub(
            r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement
        ).replace("%%", "%")
        self._prepare = f"PREPARE page AS {numbered}"
        values = sql.SQL(", ").join(sql.Literal(parameters[name]) for name in names)
        self._execute = sql.SQL("EXECUTE page ({})").format(values)
        self._mode = "force_generic_plan" if generic else "force_custom_plan"

    def __enter__(self) -> sql.Composed:
        self._connection.execute(f"SET plan_cache_mode = {self._mode}")
        self._connection.execute(self._prepare)
        return self._execute

    def __exit__(self, *_: object) -> None:
        self._connection.execute("DEALLOCATE page")


def _read(node: dict[str, Any], plan: Plan, *, shown: bool) -> None:
    """Add a node and what is below it; ``shown``: it is no look-up beside a row."""
    loops = node["Actual Loops"]
    beside = shown and node.get("Parent Relationship") == "SubPlan"
    if node.get("Parent Relationship") is None:
        plan.buffers = _buffers(node)
    if beside:
        plan.beside += _buffers(node)
    if "Index Name" in node and node["Index Name"] not in plan.indexes:
        plan.indexes.append(node["Index Name"])
    if node["Node Type"] == "Seq Scan":
        plan.scans.append(node["Relation Name"])
    if shown and not beside:
        if "Sort" in node["Node Type"]:
            plan.sorted_rows += round(node["Plans"][0]["Actual Rows"] * loops)
        for name in ("Rows Removed by Filter", "Rows Removed by Join Filter"):
            plan.removed += round(node.get(name, 0) * loops)
    for inner in node.get("Plans", ()):
        _read(inner, plan, shown=shown and not beside)


def _buffers(node: dict[str, Any]) -> int:
    return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])
