"""The worker: runs the workflows and the activities until it is told to stop.

One process serves the workflows' queue and one queue for each supplier and the gateway, so that a
slow supplier takes no other's place. Run as many of these as you like.
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta

import uvloop
from temporalio.client import Client
from temporalio.common import MetricMeter, VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import logs
from activities.inbox.inbox import Inbox
from activities.inbox.loop import InboxLoop
from activities.messages.loop import MessageLoop, Messages
from activities.messages.mail import MailSender
from activities.messages.texts import TwilioTexts
from activities.operations.belonging import NotOurWorld, await_own_world, watch_database
from activities.operations.gauges import Gauges
from activities.outbox.loop import OutboxLoop
from activities.outbox.planner import PlannerSink
from activities.outbox.relays import create_relays
from activities.registry import Activities, create_activities
from activities.reservations.counts import PlaceCounter
from activities.reservations.lifecycle import Lifecycle
from activities.reservations.loop import LifecycleLoop
from activities.webhook_endpoints.delivering import Webhooks
from activities.webhook_endpoints.loop import WebhookLoop
from models.core.database import create_sessions
from models.core.patience import Patience
from models.webhook_endpoints.sending import WebhookSender
from settings import Settings, settings_or_exit
from temporal import connect, metrics_runtime, patience
from workflows.marketplace.pay_booking import PayBooking
from workflows.operations.resolve_case import ResolveCase
from workflows.operations.watch_money import WatchMoney
from workflows.operations.watch_suppliers import WatchSuppliers
from workflows.payments.refund_booking import RefundBooking
from workflows.payments.settle_payment import SettlePayment
from workflows.reservations.book_reservation import BookReservation
from workflows.reservations.confirm_held import ConfirmHeld
from workflows.reservations.expire_held import ExpireHeld
from workflows.reservations.modify_reservation import ModifyReservation
from workflows.suppliers.follow_booking import FollowBooking
from workflows.trips.book_trip import BookTrip
from workflows.trips.cancel_booking import CancelBooking
from workflows.trips.modify_booking import ModifyBooking
from workflows.trips.quote_cancellation import QuoteCancellation
from workflows.trips.quote_change import QuoteChange

log = logging.getLogger("tripsaga.worker")

WORKFLOWS: Sequence[type] = (
    BookTrip,
    BookReservation,
    ConfirmHeld,
    PayBooking,
    ExpireHeld,
    ModifyReservation,
    CancelBooking,
    ModifyBooking,
    RefundBooking,
    ResolveCase,
    SettlePayment,
    FollowBooking,
    QuoteCancellation,
    QuoteChange,
    WatchMoney,
    WatchSuppliers,
)


def workflow_runner(*, sandboxed: bool) -> WorkflowRunner:
    """Return how workflow code is run: in the determinism sandbox (tests) or plainly."""
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    restrictions = SandboxRestrictions.default.with_passthrough_modules(
        "models", "iso4217", "opentelemetry"
    )
    return SandboxedWorkflowRunner(restrictions=restrictions)


def create_workers(client: Client, settings: Settings, activities: Activities) -> list[Worker]:
    """Return the workers of this process, one for each queue."""
    queues: Patience = patience(settings)
    grace = timedelta(seconds=settings.shutdown_grace_seconds)
    deployment = _deployment(settings)
    workers = [
        Worker(
            client,
            task_queue=settings.task_queue,
            workflows=WORKFLOWS,
            activities=activities.all(),
            workflow_runner=workflow_runner(sandboxed=settings.workflow_sandbox),
            graceful_shutdown_timeout=grace,
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_seconds),
            max_concurrent_activities=settings.max_concurrent_activities,
            deployment_config=deployment,
        ),
        Worker(
            client,
            task_queue=queues.queue(activities.gateway.name),
            activities=activities.for_gateway(),
            graceful_shutdown_timeout=grace,
            max_concurrent_activities=settings.max_concurrent_activities,
            deployment_config=deployment,
        ),
    ]
    workers += [
        Worker(
            client,
            task_queue=queues.queue(name),
            activities=activities.for_supplier(),
            graceful_shutdown_timeout=grace,
            max_concurrent_activities=settings.max_concurrent_activities,
            deployment_config=deployment,
        )
        for name in activities.queues
    ]
    return workers


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    if not settings.worker.build_id:
        return None
    version = WorkerDeploymentVersion(
        deployment_name=settings.worker.deployment, build_id=settings.worker.build_id
    )
    # Chosen for all classes (docs/decisions/0038), and here: the server refuses a behaviour that
    # a class declares from workers that take no part in versioning.
    return WorkerDeploymentConfig(
        version=version,
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


async def run(
    settings: Settings, stop: asyncio.Event, activities: Activities | None = None
) -> None:
    """Run workers, inbox, outbox and the like until ``stop`` is set, then let what is begun finish.

    Nothing is taken before our own database has answered.

    Raises:
        NotOurWorld: Temporal or sandbox are another database's, or the database has gone.
        RuntimeError: Temporal cannot be reached, or a worker failed for good.
    """
    runtime = metrics_runtime(settings)
    client = await connect(settings, runtime=runtime)
    await await_own_world(settings, client, stop)
    if stop.is_set():
        return
    places = PlaceCounter(runtime.metric_meter if runtime else MetricMeter.noop)
    activities = activities or create_activities(settings, places=places)
    workers = create_workers(client, settings, activities)
    sessions = create_sessions(activities.engine)
    inbox = Inbox(sessions, activities.payments, activities.items, client, settings)
    loop = InboxLoop(inbox, settings.inbox_poll_seconds)
    relays = create_relays(settings)
    sender = WebhookSender(settings.webhook_key, settings.webhook_reach)
    webhooks = WebhookLoop(Webhooks(sessions, sender))
    sinks = [PlannerSink(sessions, activities.planner), *relays]
    outbox = OutboxLoop(sessions, sinks, placed=webhooks.nudge)
    mails = MailSender(settings.smtp, settings.mail_from)
    messages = MessageLoop(Messages(sessions, settings.key_ring, mails, TwilioTexts(settings)))
    lifecycle = LifecycleLoop(Lifecycle(sessions, client, patience(settings), places))
    running = [asyncio.create_task(worker.run()) for worker in workers]
    running.append(asyncio.create_task(loop.run(stop, settings.shutdown_grace_seconds)))
    running.append(asyncio.create_task(outbox.run(stop, settings.shutdown_grace_seconds)))
    running.append(asyncio.create_task(webhooks.run(stop, settings.shutdown_grace_seconds)))
    running.append(asyncio.create_task(lifecycle.run(stop, settings.shutdown_grace_seconds)))
    running.append(asyncio.create_task(messages.run(stop, settings.shutdown_grace_seconds)))
    running.append(asyncio.create_task(watch_database(settings, stop)))
    if runtime is not None:
        gauges = Gauges(runtime.metric_meter, sessions)
        running.append(asyncio.create_task(gauges.run(stop)))
    log.info("worker is running: %s", ", ".join(worker.task_queue for worker in workers))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *running], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        stop.set()  # for the others, when a worker failed
        await asyncio.gather(*(worker.shutdown() for worker in workers))
        results = await asyncio.gather(*running, return_exceptions=True)
        await asyncio.gather(*(relay.close() for relay in relays))
        await activities.close()
    for result in results:
        if isinstance(result, NotOurWorld):
            raise result
        if isinstance(result, BaseException):
            raise RuntimeError(f"a worker failed: {result}") from result
    log.info("worker has stopped")


async def main_async(settings: Settings, activities: Activities | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(settings, stop, activities)


def main() -> None:
    """Start the worker with the settings of the environment."""
    settings = settings_or_exit()
    logs.set_up(settings.log_level)
    # What was imported stays to the end; a booking makes thousands of objects that reference
    # counting frees. Looking for cycles as often as by default costs a twentieth of the CPU.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        uvloop.run(main_async(settings))
    except RuntimeError as error:
        # What a worker died of has a stack; what an operator has to mend is one line.
        log.error("%s", error, exc_info=error.__cause__)
        sys.exit(1)


if __name__ == "__main__":
    main()
