"""The one way to connect to Temporal, used by the API, the worker, the command line and tests."""

from collections.abc import Collection
from typing import Any, TypedDict

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from codec.keys import KeyRing
from codec.payloads import EncryptionCodec
from codec.values import LeanPayloadConverter
from models.bookings.booking import Booking
from models.core.patience import BookingOrder, Patience
from models.core.search_attributes import BOOKING_REFERENCE, BOOKING_STATE
from models.core.traces import PROPAGATOR
from models.core.venues import VENUE
from models.suppliers.listings import LISTINGS
from settings import Settings

MEMO_FINGERPRINT = "fingerprint"
MEMO_CALLER = "caller"
MEMO_REFERENCE = "reference"


class UnderBooking(TypedDict):
    """What every workflow is started with that goes on with a booking."""

    id: str
    task_queue: str
    id_reuse_policy: WorkflowIDReusePolicy
    memo: dict[str, Any]
    search_attributes: TypedSearchAttributes


def under_booking(booking: Booking, task_queue: str, caller_id: str) -> UnderBooking:
    """Return the options of a workflow under a booking's id, once another has ended there.

    ``caller_id`` is whose booking it is, for those who may follow the workflow. Whether it waits
    for what runs there, joins it or gives way is the caller's own choice (the conflict policy).
    """
    return UnderBooking(
        id=booking.id,
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        memo={MEMO_CALLER: caller_id, MEMO_REFERENCE: booking.reference},
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(BOOKING_STATE, booking.state),
                SearchAttributePair(BOOKING_REFERENCE, booking.reference),
            ]
        ),
    )


def metrics_runtime(settings: Settings) -> Runtime | None:
    """Return the SDK's runtime with metrics shown at ``METRICS_ADDRESS``; None when that is empty.

    Call it once for a process: the address is taken from then on.

    Raises:
        RuntimeError: the address cannot be used.
    """
    if not settings.metrics_address:
        return None
    shown = PrometheusConfig(
        bind_address=settings.metrics_address, counters_total_suffix=True, unit_suffix=True
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=shown))
    except (RuntimeError, ValueError) as error:
        raise RuntimeError(
            f"METRICS_ADDRESS={settings.metrics_address} cannot be used: {error}"
        ) from error


def data_converter(ring: KeyRing, *, plaintext: bool = False) -> DataConverter:
    """Return how values become payloads: by pydantic, then encrypted; failures' texts too.

    Everything that is a payload passes the codec: arguments, results, memo, heartbeats, details
    of failures, summaries and details for people. Ids, names, times and search attributes are no
    payloads (or never encoded) and stay readable. ``plaintext``: see ``PAYLOAD_PLAINTEXT``.
    """
    return DataConverter(
        payload_converter_class=LeanPayloadConverter,
        payload_codec=EncryptionCodec(ring, plaintext=plaintext),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


class _Tracing(TracingInterceptor):
    """Carries a trace on, but no baggage: headers pass no codec (docs/decisions/0113)."""

    def __init__(self) -> None:
        super().__init__()
        self.text_map_propagator = PROPAGATOR


async def connect(
    settings: Settings, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """Connect to the Temporal server of ``settings``.

    TLS, API keys and profiles come from the SDK's environment configuration (``TEMPORAL_TLS_*``,
    ``TEMPORAL_API_KEY``, ``TEMPORAL_PROFILE``); address and namespace from our settings.
    With ``lazy`` the connection is made at the first call; ``runtime`` is ``metrics_runtime``'s.

    Raises:
        RuntimeError: the server cannot be reached, or a key is not set (``Settings.require_keys``).
    """
    try:
        ring = settings.key_ring
    except ValueError as error:
        raise RuntimeError(str(error)) from None
    options = ClientConfig.load_client_connect_config()
    options["target_host"] = settings.temporal.address
    options["namespace"] = settings.temporal.namespace
    return await Client.connect(
        **options,
        data_converter=data_converter(ring, plaintext=settings.payload_plaintext),
        interceptors=[_Tracing()],
        lazy=lazy,
        runtime=runtime,
    )


def patience(settings: Settings, quick: Collection[str] = ("stripe",)) -> Patience:
    """Return the waiting times and dispatch that a workflow started now keeps for its life.

    ``quick`` are the providers that answer fast, as far as somebody has measured it; where nobody
    has, Stripe is trusted to. What can be asked once only is never asked by a local activity: until
    its task ends, a dead worker's successor decides again.
    """
    dispatch = settings.dispatch.model_dump()
    fast = {name for name, how in dispatch.items() if how == "local"}
    fast |= {name for name, how in dispatch.items() if how == "measured" and name in quick}
    once_only = {one.name for one in LISTINGS if one.once_only}
    return Patience(
        provider_timeout={
            settings.gateway: settings.gateway_timeout,
            **{one.name: settings.supplier_timeout(one.name) for one in LISTINGS},
            VENUE: settings.venue_timeout,
        },
        local=sorted(fast - once_only),
        quick=sorted(fast),
        gateway=settings.gateway,
        order=BookingOrder(settings.booking_order),
        task_queue=settings.task_queue,
        heartbeat=settings.heartbeat_seconds,
        retry_initial=settings.retry_initial_seconds,
        step_deadline=settings.step_deadline_seconds,
        undo_attempts=settings.undo_attempts,
        authentication_deadline=settings.authentication_deadline_seconds,
    )
