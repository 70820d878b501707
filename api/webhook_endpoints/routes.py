"""``/api/v1/webhook-endpoints``: callers are told of the events of their own bookings."""

import datetime as dt
import json
import uuid
from typing import Annotated

from fastapi import Body, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.audience import Audience, Policy
from api.core.context import AppContext, Context, TheCaller
from api.core.cursors import page_of
from api.core.filters import Flag
from api.core.idempotency import TheOperation, keyed, natural
from api.core.schemas import LARGEST
from api.openapi import READING, WRITING, problems, shown
from api.webhook_endpoints.schemas import (
    AttemptAnswer,
    DeliveryAnswer,
    DeliveryPage,
    EndpointAnswer,
    EndpointChange,
    EndpointsAnswer,
    EndpointWithSecret,
    NewEndpoint,
    RecoverAnswer,
    RecoverBody,
    TestAnswer,
    WholeDelivery,
)
from models.core.addresses import UnfitUrl, fit_url
from models.core.callers import Scope
from models.webhook_endpoints import repository
from models.webhook_endpoints.deliveries import (
    list_deliveries,
    load_attempts,
    load_delivery,
    retry_delivery,
)
from models.webhook_endpoints.errors import EndpointNotFound, UrlRefused
from models.webhook_endpoints.fanning_out import Recovered, lock_cursor, recover
from models.webhook_endpoints.repository import expect_active, load_endpoint
from models.webhook_endpoints.signing import secret_of
from models.webhook_endpoints.signing import shown as written
from models.webhook_endpoints.tables import (
    DeliveryRow,
    DeliveryState,
    EndpointRow,
    EndpointStatus,
)

router = Audience(
    Policy.CALLER,
    Scope.WEBHOOKS_WRITE,
    prefix="/api/v1/webhook-endpoints",
    tags=["webhook endpoints"],
)

TEST = "webhook_endpoint.test"

EndpointId = Annotated[uuid.UUID, Path(description="The endpoint's id.")]
Position = Annotated[int, Path(ge=1, le=LARGEST, description="Of the event in the feed.")]


@router.post(
    "",
    operation_id="createWebhookEndpoint",
    status_code=201,
    summary="Be told of events",
    responses={201: {"content": shown("WEBHOOK_ENDPOINT_MADE")}, **problems(*WRITING, 409)},
    response_model_exclude_none=True,
)
@natural
async def create(
    context: Context, caller: TheCaller, body: Annotated[NewEndpoint, Body()]
) -> EndpointWithSecret:
    """Make an endpoint. The same again changes nothing, and is answered the same."""
    url = _fit(context, body.url)
    row = await context.record.write(
        lambda session: repository.create_endpoint(
            session, caller.id, url, body.types, body.description
        )
    )
    return _with_secret(context, row)


@router.listing(
    "",
    operation_id="listWebhookEndpoints",
    summary="Your endpoints",
    responses={
        200: {"content": shown("WEBHOOK_ENDPOINTS")},
        **problems(401, 422, 500, 503),
    },
    response_model_exclude_none=True,
)
async def endpoints(context: Context, caller: TheCaller) -> EndpointsAnswer:
    """List the caller's endpoints, oldest first; there are 50 at most."""
    rows = await context.record.read(lambda session: repository.list_endpoints(session, caller.id))
    return EndpointsAnswer(endpoints=[EndpointAnswer.of(row) for row in rows])


@router.get(
    "/{endpoint_id}",
    operation_id="getWebhookEndpoint",
    summary="An endpoint",
    responses={
        200: {"content": shown("WEBHOOK_ENDPOINT", "WEBHOOK_ENDPOINT_DISABLED")},
        **problems(*READING, 422),
    },
    response_model_exclude_none=True,
)
async def endpoint(context: Context, caller: TheCaller, endpoint_id: EndpointId) -> EndpointAnswer:
    """Return one endpoint, without its secret."""
    row = await context.record.read(
        lambda session: load_endpoint(session, caller.id, str(endpoint_id))
    )
    return EndpointAnswer.of(row)


@router.patch(
    "/{endpoint_id}",
    operation_id="changeWebhookEndpoint",
    summary="Change, pause or resume an endpoint",
    responses={200: {"content": shown("WEBHOOK_ENDPOINT")}, **problems(*WRITING, 409)},
    response_model_exclude_none=True,
)
@natural
async def change(
    context: Context,
    caller: TheCaller,
    endpoint_id: EndpointId,
    body: Annotated[EndpointChange, Body()],
) -> EndpointAnswer:
    """Change what is named. Deliveries under way go where the endpoint was before."""
    changes = body.model_dump(exclude_none=True, exclude={"status"})
    if body.url is not None:
        changes["url"] = _fit(context, body.url)
    which = str(endpoint_id)

    async def work(session: AsyncSession) -> EndpointRow:
        row = await repository.change_endpoint(session, caller.id, which, changes)
        if body.status == EndpointStatus.ACTIVE:
            await repository.set_active(session, caller.id, which)
        elif body.status is not None and row.status == EndpointStatus.ACTIVE:
            why = "its caller has paused it"
            await repository.suspend(session, which, EndpointStatus.PAUSED, why)
        return await load_endpoint(session, caller.id, which)

    return EndpointAnswer.of(await context.record.write(work))


@router.delete(
    "/{endpoint_id}",
    operation_id="deleteWebhookEndpoint",
    status_code=204,
    summary="Delete an endpoint",
    responses=problems(*READING, 409, 422),
)
@keyed()
async def remove(
    context: Context, caller: TheCaller, endpoint_id: EndpointId, operation: TheOperation
) -> None:
    """Delete an endpoint; what is pending is not sent."""
    try:
        await context.record.write(
            lambda session: repository.delete_endpoint(session, caller.id, str(endpoint_id))
        )
    except EndpointNotFound:
        if not operation.repeated:  # else an earlier attempt has deleted it
            raise


@router.post(
    "/{endpoint_id}/rotate-secret",
    operation_id="rotateWebhookSecret",
    summary="Another secret",
    responses={200: {"content": shown("WEBHOOK_SECRET_ROTATED")}, **problems(*READING, 409, 422)},
    response_model_exclude_none=True,
)
@keyed(rebuilt=True)  # the answer holds a secret, which is stored nowhere
async def rotate(
    context: Context,
    caller: TheCaller,
    endpoint_id: EndpointId,
    operation: TheOperation,
    *,
    expire_old_now: Annotated[
        Flag, Query(description="Sign with the new secret alone from now on: the old one leaked.")
    ] = False,
) -> EndpointWithSecret:
    """Make another secret. For 24 hours messages are signed with the one before it as well.

    In that time there is no third one: 409 `WEBHOOK_SECRET_ROTATED` says until when. With
    `expire_old_now` there is, at any time, and every older one ends at once: a receiver that has
    only an older one refuses what it is sent until it has the new one, and is then sent it again.
    """
    which = str(endpoint_id)
    row = await context.record.write(
        lambda session: repository.rotate_secret(
            session, caller.id, which, operation.on(which), expire_old_now=expire_old_now
        )
    )
    return _with_secret(context, row)


@router.post(
    "/{endpoint_id}/test",
    operation_id="testWebhookEndpoint",
    summary="Send a test message now",
    responses={
        200: {"content": shown("WEBHOOK_TESTED", "WEBHOOK_TEST_FAILED")},
        **problems(*READING, 422),
    },
    response_model_exclude_none=True,
)
@natural
async def test(context: Context, caller: TheCaller, endpoint_id: EndpointId) -> TestAnswer:
    """Send a message of the type ``webhook_endpoint.test`` at once and tell what came of it.

    It is signed as events are, is sent also to an endpoint that is not active, is not repeated,
    and stands in no log.
    """
    row = await context.record.read(
        lambda session: load_endpoint(session, caller.id, str(endpoint_id))
    )
    now = dt.datetime.now(dt.UTC)
    message_id = str(uuid.uuid4())
    message = {
        "specversion": "1.0",
        "id": message_id,
        "source": "/webhook-endpoints",
        "type": TEST,
        "subject": row.id,
        "time": now.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {},
    }
    overlap = row.old_generation_until is not None and row.old_generation_until > now
    newest = row.secret_generation
    reply = await context.webhooks.send(
        row.url,
        endpoint_id=row.id,
        generations=[newest, newest - 1] if overlap else [newest],
        message_id=message_id,
        body=json.dumps(message).encode(),
    )
    return TestAnswer(
        delivered=reply.accepted,
        message_id=message_id,
        status=reply.status,
        error=reply.failure,
        answer=reply.text or None,
        milliseconds=reply.milliseconds,
    )


@router.get(
    "/{endpoint_id}/deliveries",
    operation_id="listWebhookDeliveries",
    summary="What was sent, and what will be",
    responses={200: {"content": shown("WEBHOOK_DELIVERIES")}, **problems(*READING, 422)},
    response_model_exclude_none=True,
)
async def deliveries(
    context: Context,
    caller: TheCaller,
    endpoint_id: EndpointId,
    *,
    state: Annotated[DeliveryState | None, Query(description="Only those of this state.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 20,
    cursor: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="`next_cursor` of the page before.")
    ] = None,
) -> DeliveryPage:
    """List deliveries of the last 30 days, those of the newest events first."""

    async def read(session: AsyncSession) -> list[DeliveryRow]:
        row = await load_endpoint(session, caller.id, str(endpoint_id))
        found = await list_deliveries(session, row.id, state=state, before=cursor, limit=limit + 1)
        return list(found)

    rows, last = page_of(await context.record.read(read), limit)
    return DeliveryPage(
        deliveries=[DeliveryAnswer.of(row) for row in rows],
        next_cursor=last and last.position,
    )


@router.get(
    "/{endpoint_id}/deliveries/{position}",
    operation_id="getWebhookDelivery",
    summary="A delivery with its attempts",
    responses={200: {"content": shown("WEBHOOK_DELIVERY_LOG")}, **problems(*READING, 422)},
    response_model_exclude_none=True,
)
async def delivery(
    context: Context, caller: TheCaller, endpoint_id: EndpointId, position: Position
) -> WholeDelivery:
    """Return one delivery and every request that was made for it."""

    async def read(session: AsyncSession) -> WholeDelivery:
        row = await load_endpoint(session, caller.id, str(endpoint_id))
        found = await load_delivery(session, row.id, position)
        log = await load_attempts(session, row.id, position)
        return WholeDelivery.of(found, log=[AttemptAnswer.of(one) for one in log])

    return await context.record.read(read)


@router.post(
    "/{endpoint_id}/deliveries/{position}/retry",
    operation_id="retryWebhookDelivery",
    summary="Deliver an event (again) now",
    responses={200: {"content": shown("WEBHOOK_DELIVERY")}, **problems(*READING, 409, 422)},
    response_model_exclude_none=True,
)
@natural
async def retry(
    context: Context, caller: TheCaller, endpoint_id: EndpointId, position: Position
) -> DeliveryAnswer:
    """Send an event at once, whatever became of it, and then by the schedule from its start."""

    async def work(session: AsyncSession) -> DeliveryRow:
        row = await load_endpoint(session, caller.id, str(endpoint_id), lock=True)
        await load_delivery(session, row.id, position)
        expect_active(row)
        return await retry_delivery(session, row.id, position)

    return DeliveryAnswer.of(await context.record.write(work))


@router.post(
    "/{endpoint_id}/recover",
    operation_id="recoverWebhookEndpoint",
    summary="Have events delivered that were missed",
    responses={200: {"content": shown("WEBHOOK_RECOVERED")}, **problems(*WRITING, 409)},
    response_model_exclude_none=True,
)
@natural
async def recover_(
    context: Context,
    caller: TheCaller,
    endpoint_id: EndpointId,
    body: Annotated[RecoverBody, Body()],
) -> RecoverAnswer:
    """Make deliveries again of the events in the feed, which it keeps for 30 days.

    The receiver may see older versions of a booking after newer ones, and ignores what is not
    newer than what it knows.
    """

    async def work(session: AsyncSession) -> Recovered:
        last = await lock_cursor(session)
        row = await load_endpoint(session, caller.id, str(endpoint_id), lock=True)
        expect_active(row)
        return await recover(
            session, row, last, after=body.after, since=body.since, delivered=body.include_delivered
        )

    made = await context.record.write(work)
    return RecoverAnswer(deliveries=made.deliveries, through=made.through, more=made.more)


def _fit(context: AppContext, url: str) -> str:
    try:
        return fit_url(url, context.settings.webhook_reach)
    except UnfitUrl as error:
        raise UrlRefused(str(error)) from error


def _with_secret(context: AppContext, row: EndpointRow) -> EndpointWithSecret:
    secret = secret_of(context.settings.webhook_key, row.id, row.secret_generation)
    return EndpointWithSecret.of(row, secret=written(secret))
