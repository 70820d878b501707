"""Many rows in one statement: they travel as one JSON parameter and are typed by their table.

The text of such a statement does not depend on how many rows there are, so it is parsed once.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from models.core.text import storable_dump

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def recordset(table: Table, names: Sequence[str], parameter: str) -> str:
    """Return the SQL of rows with columns ``names`` of ``table``; name it in FROM as you like."""
    types = ", ".join(f"{name} {table.c[name].type.compile(_DIALECT)}" for name in names)
    return f"jsonb_to_recordset(CAST(:{parameter} AS jsonb)) AS fresh ({types})"


def insertion(table: Table, names: Sequence[str], parameter: str) -> str:
    """Return the SQL that inserts such rows into ``table``."""
    columns, rows = ", ".join(names), recordset(table, names, parameter)
    return f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {rows}"  # noqa: S608


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the parameter of a recordset; JSON null is NULL."""
    return storable_dump(rows, default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")
