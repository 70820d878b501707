"""A country changes its time: which reservations that concerns, and how they are moved."""

import asyncio
import json
import uuid
from typing import Any

import psycopg

from tests.api.conftest import operator_key as operator_key
from tests.api.conftest import whole as whole
from tests.commands.test_reservations import Ask, reserved
from tests.commands.test_reservations import ask as ask
from tests.support.stack import Stack

ZONE = ("--zone", "America/New_York")
"""No other test has its reservations elsewhere than the clock says there."""

# As if all had been computed when the country was an hour further west.
DRIFT = """
WITH moved AS (
    UPDATE reservations SET starts_at = starts_at + interval '1 hour',
        ends_at = ends_at + interval '1 hour' WHERE booking_id = %(id)s
), offered AS (
    UPDATE booking_items SET offer = offer || jsonb_build_object(
        'startsAt', (offer->>'startsAt')::timestamptz + interval '1 hour',
        'endsAt', (offer->>'endsAt')::timestamptz + interval '1 hour') WHERE booking_id = %(id)s
)
UPDATE inventory_claims SET
    visit = tstzrange(lower(visit) + interval '1 hour', upper(visit) + interval '1 hour'),
    during = tstzrange(lower(during) + interval '1 hour', upper(during) + interval '1 hour')
WHERE booking_id = %(id)s
"""
CLAIM = """
SELECT lower(c.visit) = r.starts_at FROM inventory_claims c
JOIN reservations r ON r.booking_id = c.booking_id WHERE c.booking_id = %(id)s AND c.state = 'SOLD'
"""
SKIPPED = """
UPDATE reservations SET local_date = '2027-03-14', local_time = '02:30' WHERE booking_id = %(id)s
"""


def sql(world: Stack, statement: str, booking: str) -> list[tuple[Any, ...]]:
    async def run() -> list[tuple[Any, ...]]:
        url = world.settings.database.url
        async with await psycopg.AsyncConnection.connect(url) as connection:
            done = await connection.execute(statement.encode(), {"id": booking})
            return await done.fetchall() if done.description else []

    return asyncio.run(run())


def test_what_a_country_has_changed_is_found_and_moved(ask: Ask, world: Stack) -> None:
    quiet = ask("times", "check", *ZONE)
    assert (quiet.exit_code, "every reservation to come" in quiet.output) == (0, True), quiet.output
    venue = f"hudson-day~{uuid.uuid4().hex[:8]}"
    made = reserved(ask, "--venue", venue, "--type", "hotel", "--time", "10:00")
    assert ask("times", "check", *ZONE).exit_code == 0
    sql(world, DRIFT, made["id"])

    found = ask("times", "check", *ZONE)
    assert found.exit_code == 1
    assert made["booking_reference"] in found.output
    assert f"{made['date']} 10:00 America/New_York" in found.output
    mended = ask("times", "check", *ZONE, "--repair", "--json")
    assert mended.exit_code == 0, mended.output
    (told,) = json.loads(mended.output)["drifted"]
    assert (told["id"], told["result"]) == (made["id"], "moved")

    async def now() -> Any:
        return await world.recorded(made["id"])

    assert asyncio.run(now()).version == made["version"] + 1
    assert sql(world, CLAIM, made["id"]) == [(True,)]
    assert ask("times", "check", *ZONE).exit_code == 0
    why = ask("why", made["booking_reference"])
    assert f"{made['date']} 11:00 becomes {made['date']} 10:00" in why.output

    sql(world, SKIPPED, made["id"])
    lost = ask("times", "check", *ZONE, "--repair")
    assert (lost.exit_code, "the clock will skip this time" in lost.output) == (1, True)
    sql(world, SKIPPED.replace("'02:30'", "'10:00'"), made["id"])
    assert ask("cancel", made["booking_reference"], "--yes").exit_code == 0
