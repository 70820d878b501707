"""A round that another worker takes over goes on where the first had got to."""

import dataclasses
import datetime as dt
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import ActivityEnvironment

from activities.operations.progress import Progress
from activities.registry import Activities, create_activities
from models.operations.messages import ReconcileCall, Reconciled
from tests.operations.outside import Outside
from tests.operations.record import Record
from tests.operations.test_reconciling import make_old
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed


@pytest.fixture
async def activities(stack: Stack) -> AsyncIterator[Activities]:
    activities = create_activities(stack.settings)
    yield activities
    await activities.close()


async def go_on(stack: Stack, activities: Activities, progress: Progress) -> Reconciled:
    """Run the activity as its second attempt, after a first one that got so far."""
    environment = ActivityEnvironment(client=stack.client)
    environment.info = dataclasses.replace(
        environment.info, attempt=2, heartbeat_details=[progress.model_dump(mode="json")]
    )
    answer: Reconciled = await environment.run(
        activities.watching.reconcile_payments, ReconcileCall()
    )
    return answer


async def test_what_was_listed_is_not_listed_again(
    stack: Stack, activities: Activities, record: Record, outside: Outside
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    dispute = await outside.dispute(booking.payment.id)
    await make_old(record, booking)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    done = Progress(listed_until=soon, answer=Reconciled(listed=40))
    first = await go_on(stack, activities, done)
    assert first.listed == 40
    assert await record.disputes(booking.id) == []
    # The same from the beginning finds it, and what an attempt had begun is waited for.
    second = await go_on(stack, activities, Progress())
    assert second.repaired == 1
    third = await go_on(stack, activities, Progress(started={booking.id: None}, listed_until=soon))
    assert third.repaired == 1
    (row,) = await record.disputes(booking.id)
    assert row["id"] == dispute


async def test_bookings_looked_at_are_not_looked_at_again(
    stack: Stack, activities: Activities, record: Record
) -> None:
    # Nothing else is to be looked at: what is young would grow too old while we count.
    await record.do(
        "SET LOCAL session_replication_role = replica",
        "UPDATE payments SET updated_at = now() - interval '2 days'",
        "UPDATE disputes SET status = 'won' WHERE status = 'open'",
        "UPDATE refunds SET status = 'succeeded' WHERE status IN ('pending', 'requires_action')",
    )
    ids = sorted([(await confirmed(stack)).id for _ in range(2)])
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    whole = await go_on(stack, activities, Progress(listed_until=soon))
    rest = await go_on(stack, activities, Progress(listed_until=soon, looked_after=ids[0]))
    assert (whole.looked, rest.looked) == (2, 1)
