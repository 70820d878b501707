"""``POST /booking/book``: check the request against the trip, and start the saga."""

from temporalio.service import RPCError, RPCStatusCode

from api.bookings.starting import Asked, start_workflow
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.core.rate_limits import Allowance
from api.trips.details import details, summary
from api.trips.options import accepted_trip
from api.trips.schemas.requests import BookRequest
from models.core.keys import booking_id, traveler_id
from models.core.patience import Patience
from models.trips.errors import TripOptionUnbookable
from models.trips.messages import BookTripRequest
from models.trips.option import TripOption
from workflows.trips.book_trip import BookTrip


def asked_for(
    context: AppContext,
    caller: Principal,
    operation: Operation,
    body: BookRequest,
    allowances: list[Allowance],
) -> Asked:
    """Return the request for a trip, which nobody has looked at yet."""

    async def start() -> None:
        trip = await accepted_trip(context, caller, asked.booking_id, body)
        request = book_trip_request(asked, body, trip, await context.dispatch.patience())
        try:
            await start_workflow(
                context,
                asked,
                BookTrip.run,
                request,
                summary=summary(request),
                details=details(request),
            )
        except RPCError as error:
            # The limit on what a workflow is given is the server's (limit.blobSize.error): 2 MiB.
            if error.status is RPCStatusCode.INVALID_ARGUMENT and "size" in error.message.lower():
                reason = "its offers are larger than can be processed"
                raise TripOptionUnbookable(reason) from error
            raise

    asked = Asked(
        caller=caller,
        operation=operation,
        booking_id=booking_id(caller.id, operation.key),
        traveler_id=traveler_id(context.settings.traveler_key, caller.id, body.contact.email),
        start=start,
        allowances=allowances,
    )
    return asked


def book_trip_request(
    asked: Asked, body: BookRequest, trip: TripOption, patience: Patience
) -> BookTripRequest:
    """Return what the saga needs, with every id made before anything happens."""
    payment = body.payment_info
    billing = payment.billing_details
    return BookTripRequest(
        booking_id=asked.booking_id,
        booking_reference=asked.reference,
        caller_id=asked.caller.id,
        idempotency_key=asked.operation.key,
        fingerprint=asked.operation.fingerprint,
        trip=trip,
        travelers=body.travelers or trip.travelers,
        contact=body.contact,
        payment_method_id=payment.payment_method_id,
        billing_details=billing.model_dump(mode="json", by_alias=True, exclude_none=True),
        amount=payment.amount,
        currency=payment.currency,
        traveler_id=asked.traveler_id,
        patience=patience,
    )
