"""Which world this is: an id that database, Temporal and sandbox agree on (docs/decisions/0057).

``tripsaga migrate`` makes it with the database and claims Temporal's task queue and the sandbox for
it. Whoever would work with parts of two worlds is refused.
"""

import datetime as dt
from typing import Final

from sqlalchemy import Boolean, CheckConstraint, Column, Uuid, text, true
from sqlmodel import Field, SQLModel
from temporalio.api.namespace.v1 import UpdateNamespaceInfo
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client

SANDBOX_PATH: Final = "/_sandbox/world"
WORLD_ID: Final = "SELECT id::text FROM world"
_RPC_TIMEOUT: Final = dt.timedelta(seconds=10)


class WorldRow(SQLModel, table=True):
    """The database's id; one row, made by the migration."""

    __tablename__ = "world"
    __table_args__ = (CheckConstraint("single", name="world_single"),)

    single: bool = Field(
        sa_column=Column(Boolean(), primary_key=True, server_default=true(), default=True)
    )
    id: str = Field(
        sa_column=Column(
            Uuid(as_uuid=False), nullable=False, server_default=text("gen_random_uuid()")
        )
    )


async def world_of_temporal(client: Client, task_queue: str) -> str | None:
    """Return whose the task queue is in the client's namespace; None when nobody has claimed it.

    Raises:
        RPCError: Temporal refuses, or does not answer.
    """
    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=_RPC_TIMEOUT
    )
    return answer.namespace_info.data.get(_key(task_queue)) or None


async def claim_temporal(client: Client, task_queue: str, world: str) -> None:
    """Note in the namespace whose the task queue is; what else is noted there stays.

    Raises:
        RPCError: Temporal refuses, or does not answer.
    """
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace,
            update_info=UpdateNamespaceInfo(data={_key(task_queue): world}),
        ),
        timeout=_RPC_TIMEOUT,
    )


def _key(task_queue: str) -> str:
    return f"tripsaga-world-{task_queue}"
