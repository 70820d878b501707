"""``python -m benchmarks.repeats``: what stored answers cost, in statements and milliseconds.

One API in this process, with a PostgreSQL of its own, settles cases: each by a request whose answer
is stored, by one whose answer is not (the layer taken out, in turns with the other), and by repeats
of the first. CPU is this process's: the API and its client. ``--rows`` fills the table of keys.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine

from api.app import create_app
from api.core import stored_answers
from api.core.idempotency import Operation
from benchmarks.figures import percentile
from benchmarks.stage import forget_own_settings
from benchmarks.statements import logged
from commands import callers, schema
from localworld import keys, postgres
from localworld.places import Places
from models.core.callers import Scope
from settings import Settings

_NOBODY = "127.0.0.1:1"
_FILL = """
INSERT INTO idempotency_keys (subject, route, key_hash, fingerprint, operation_id, holder, state,
    attempt, locked_until, status, headers, body, created_at, finished_at, expires_at)
SELECT 'caller:' || gen_random_uuid(), 'POST /operator/cases/{caseId}/resolve',
    sha256(n::text::bytea), sha256('f'), gen_random_uuid(), gen_random_uuid(), 'DONE', 1, 'epoch',
    200, '{"content-type": "application/json"}', convert_to(repeat('x', 300), 'utf8'), now(),
    now(), now() + interval '72 hours'
FROM generate_series(%s::bigint, %s::bigint) n
"""
_FILLED_AT_ONCE = 500_000


class Desk:
    """Sends what is measured."""

    def __init__(self, http: httpx.AsyncClient, database_url: str) -> None:
        self._http = http
        self._database_url = database_url
        self._sent: list[tuple[int, str]] = []

    def cases(self, count: int) -> list[int]:
        """Open so many cases; returns their numbers."""
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            rows = connection.execute(
                "INSERT INTO cases (kind, source, summary, details)"
                " SELECT 'DISPUTE', gen_random_uuid(), 'benchmark', '{}'"
                " FROM generate_series(1, %s) RETURNING id",
                [count],
            )
            return [int(number) for (number,) in rows]

    async def keyed(self, case: int) -> None:
        """Settle a case; the answer is stored."""
        key = uuid.uuid4().hex
        await self._settle(case, key)
        self._sent.append((case, key))

    async def replayed(self, _case: int) -> None:
        """Send a request once more."""
        case, key = self._sent.pop()
        answer = await self._settle(case, key)
        assert answer.headers["idempotency-replayed"] == "true"

    async def bare(self, case: int) -> None:
        """Settle a case; nothing is stored."""
        layer: Any = stored_answers
        stored = layer.answer
        layer.answer = _unstored
        try:
            await self._settle(case, uuid.uuid4().hex)
        finally:
            layer.answer = stored

    async def _settle(self, case: int, key: str) -> httpx.Response:
        answer = await self._http.post(
            f"/operator/cases/{case}/resolve",
            json={"note": "benchmark"},
            headers={"Idempotency-Key": key},
        )
        return answer.raise_for_status()


async def _unstored(
    _declaration: Any, template: str, request: Any, _body: Any, handle: Callable[..., Any]
) -> Any:
    request.state.operation = Operation("caller:benchmark", template, "k", "f")
    return await handle(request)


async def measure(settings: Settings, key: str, log: Path, count: int) -> Table:
    """Send each ``count`` times, in turns; returns the figures."""
    app = create_app(settings)
    table = Table("request", "p50 ms", "p95 ms", "CPU ms", "statements", "BEGIN and COMMIT")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api", headers={"X-API-Key": key}
        ) as http,
    ):
        desk = Desk(http, settings.database.url)
        ways: dict[str, Callable[[int], Awaitable[None]]] = {
            "nothing stored": desk.bare,
            "keyed": desk.keyed,
            "replayed": desk.replayed,
        }
        took: dict[str, list[float]] = defaultdict(list)
        cpu: dict[str, float] = defaultdict(float)
        for case in desk.cases(50):  # warms up
            await desk.bare(case)
        for number, case in enumerate(desk.cases(count * 3)):
            name = list(ways)[number % 3]
            began, worked = time.perf_counter(), time.process_time()
            await ways[name](case)
            took[name].append(1000 * (time.perf_counter() - began))
            cpu[name] += 1000 * (time.process_time() - worked)
        counted = {}
        for name, way in ways.items():
            cases = desk.cases(20)
            if name == "replayed":
                for case in cases:
                    await desk.keyed(case)
            await http.get("/operator/cases")  # the caller is known: it is not looked up
            with logged(settings.database.url, log) as found:
                for case in cases:
                    await way(case)
            counted[name] = found
        for name in ways:
            figures = (*(percentile(took[name], share) for share in (0.5, 0.95)), cpu[name] / count)
            found = counted[name]
            per_request = (found.statements / 20, found.control / 20)
            table.add_row(name, *(f"{one:.2f}" for one in figures), *map(str, per_request))
    return table


def _fill(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for first in range(0, rows, _FILLED_AT_ONCE):
            last = min(first + _FILLED_AT_ONCE, rows) - 1
            connection.execute(_FILL, [first, last])
        connection.execute("VACUUM ANALYZE idempotency_keys")
        connection.execute("CHECKPOINT")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repeats", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="of each kind (default 500)")
    parser.add_argument("--rows", type=int, default=0, help="answers that are there before")
    given = parser.parse_args(arguments)
    forget_own_settings()
    os.environ["PGAPPNAME"] = "api"
    with tempfile.TemporaryDirectory(prefix="tripsaga-benchmark-") as scratch:
        log = Path(scratch) / "postgres.log"
        server = postgres.start(Path(scratch) / "postgres", log=log)
        try:
            os.environ.update(keys.of_world(Settings(), Places(Path(scratch))))
            settings = Settings(
                database={"url": server.url},
                temporal={"address": _NOBODY},
                limit={"caller_requests": 0, "caller_searches": 0},
            )
            schema.upgrade(settings)
            engine = create_engine(settings.database.sqlalchemy_url)
            key = callers.create(engine, "benchmark", scopes=[Scope.OPERATOR])
            engine.dispose()
            _fill(server.url, given.rows)
            table = asyncio.run(measure(settings, key, log, given.count))
        finally:
            server.stop()
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
