"""Workers killed with SIGKILL before, during and after every call that has an effect."""

import uuid
from collections.abc import AsyncIterator

import pytest

from tests.saga.cells import POINTS, STEPS, end_of_kill
from tests.saga.test_faults import judge, settled
from tests.support.stack import Stack, create_stack


@pytest.fixture
async def own_stack(
    database_url: str, temporal_address: str, sandbox_url: str
) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    stack = await create_stack(
        database_url=database_url,
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
        name=f"kill-{uuid.uuid4().hex[:8]}",
    )
    yield stack
    await stack.close()


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("step", STEPS)
async def test_kill(own_stack: Stack, step: str, point: str) -> None:
    request = await own_stack.request()
    supplier, operation = STEPS[step]
    if point == "during":
        await own_stack.sandbox.arm(
            supplier, operation, "slow", seconds=0.6, reference=request.booking_id
        )
    doomed = own_stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"{supplier}.{operation}:{point}"
    )
    handle = await own_stack.start(request)
    doomed.wait_until_dead()
    own_stack.start_worker()

    booking = await settled(own_stack, handle)
    await judge(own_stack, handle, booking, end_of_kill(step))
