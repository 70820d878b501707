"""SQL per booking, counted in the server's own log (``log_statement = all``).

The embedded server has no ``pg_stat_statements``, and its log shows more: who sent what (by
``application_name``), and BEGIN and COMMIT as well. Switched on only for the bookings that are
counted, for it costs time.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

_PREFIX = "@@%a|%p@@ "
_LINE = re.compile(
    r"@@(?P<who>[^|]*)\|(?P<pid>\d+)@@ LOG:  (?:statement|execute [^:]+): (?P<text>.*)", re.DOTALL
)
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+([a-z_]+)", re.IGNORECASE)
_SETTLING_SECONDS = 0.3


@dataclass
class Statements:
    """What was sent to the database."""

    statements: int = 0
    """Everything executed but BEGIN, COMMIT and ROLLBACK; of a batch, each row's."""
    control: int = 0
    """BEGIN, COMMIT and ROLLBACK."""
    transactions: int = 0
    """Explicit ones and autocommitted statements."""
    writing: int = 0
    """Transactions that wrote: each waits for the disk."""
    by_text: Counter[str] = field(default_factory=Counter)
    """By verb, table and sender."""


@contextmanager
def logged(database_url: str, log: Path) -> Iterator[Statements]:
    """Count what is sent to the database while in the context; read it afterwards."""
    _set(database_url, log_statement="all", log_line_prefix=_PREFIX)
    begins = log.stat().st_size
    found = Statements()
    try:
        yield found
    finally:
        time.sleep(_SETTLING_SECONDS)
        with log.open("rb") as file:
            file.seek(begins)
            text = file.read().decode(errors="replace")
        _set(database_url, log_statement="none", log_line_prefix="")
    count(text, found)


def _set(database_url: str, **values: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name, value in values.items():
            connection.execute(
                sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
            )
        connection.execute("SELECT pg_reload_conf()")
    time.sleep(_SETTLING_SECONDS)


def count(text: str, found: Statements) -> None:
    """Add what a log tells to what was ``found``; only the worker's and the API's statements."""
    within: dict[str, list[str]] = defaultdict(list)
    explicit: set[str] = set()

    def end(pid: str) -> None:
        found.transactions += 1
        found.writing += any(verb in {"INSERT", "UPDATE", "DELETE"} for verb in within[pid])
        within[pid].clear()

    for line in _entries(text):
        matched = _LINE.fullmatch(line)
        if matched is None or matched["who"] not in {"worker", "api"}:
            continue
        pid, statement = matched["pid"], matched["text"]
        verb = statement.split(maxsplit=1)[0].upper().rstrip(";")
        if verb == "BEGIN":
            found.control += 1
            explicit.add(pid)
        elif verb in {"COMMIT", "ROLLBACK"}:
            found.control += 1
            explicit.discard(pid)
            end(pid)
        else:
            found.statements += 1
            found.by_text[_name(matched["who"], verb, statement)] += 1
            within[pid].append(verb)
            if pid not in explicit:
                end(pid)


def _entries(text: str) -> list[str]:
    """Return the entries of a log; a statement of several lines goes on behind a tab."""
    return text.replace("\n\t", " ").splitlines()


def _name(who: str, verb: str, statement: str) -> str:
    tables = dict.fromkeys(name.lower() for name in _TABLE.findall(statement))
    return f"{who}: {verb} {', '.join(tables)}".rstrip()
