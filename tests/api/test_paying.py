"""A card is taken by a run that is a moment behind the record which asks for one."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.bookings.paying import offer
from models.payments.messages import (
    CARD_IN_USE,
    NO_CARD,
    PAYMENT_METHOD_UPDATE,
    RUN_BEHIND,
    NewCard,
)

CARD = NewCard(payment_method_id="pm_card_visa", who="planner ada")


@workflow.defn
class Behind:
    """Waits for a card only after some tenths of a second, as after a worker's death."""

    @workflow.init
    def __init__(self, why: str, _seconds: float) -> None:
        self._card: NewCard | None = None
        self._why: str | None = why
        workflow.set_update_handler(PAYMENT_METHOD_UPDATE, self._take, validator=self._may)

    @workflow.run
    async def run(self, _why: str, seconds: float) -> None:
        await workflow.sleep(seconds)
        self._why = None
        await workflow.wait_condition(lambda: self._card is not None)

    async def _take(self, card: NewCard) -> None:
        self._card = card

    def _may(self, card: NewCard) -> None:
        if self._why is not None:
            raise ApplicationError("not now", type=self._why)


@pytest.fixture
async def temporal(temporal_address: str) -> AsyncIterator[Client]:
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    async with Worker(
        client,
        task_queue="behind",
        workflows=[Behind],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield client


async def started(temporal: Client, why: str, seconds: float) -> WorkflowHandle[Any, Any]:
    return await temporal.start_workflow(
        Behind.run, args=[why, seconds], id=f"behind-{uuid.uuid4()}", task_queue="behind"
    )


async def test_a_run_behind_the_record_is_asked_again(temporal: Client) -> None:
    handle = await started(temporal, RUN_BEHIND, 0.5)

    await offer(handle, CARD)

    await handle.result()


@pytest.mark.parametrize(("why", "seconds"), [(RUN_BEHIND, 30), (NO_CARD, 0.5), (CARD_IN_USE, 0.5)])
async def test_a_refusal_is_told(temporal: Client, why: str, seconds: float) -> None:
    """One that lasts, and those that another attempt must not get round."""
    handle = await started(temporal, why, seconds)

    with pytest.raises(WorkflowUpdateFailedError):
        await offer(handle, CARD)

    await handle.terminate()
