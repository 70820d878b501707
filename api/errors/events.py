"""What is asked of the feed of events, and of the endpoints that are told of them."""

from api.core.problems import (
    ApiProblem,
)
from api.errors.registry import problem_of
from models.events import errors as events
from models.webhook_endpoints import errors as webhooks


@problem_of.register
def _(error: events.EventsGone) -> ApiProblem:
    return ApiProblem(
        410,
        "EVENTS_GONE",
        f"{str(error).capitalize()}. Read the bookings by list, and go on with after=latest.",
        details={"oldest": error.oldest},
    )


@problem_of.register
def _(error: events.EventsNotThereYet) -> ApiProblem:
    return ApiProblem(
        422,
        "POSITION_UNKNOWN",
        f"The feed has not come so far: its latest position is {error.latest}.",
        field="after",
    )


@problem_of.register
def _(_error: events.DeadLetterNotFound) -> ApiProblem:
    return ApiProblem(404, "DEAD_LETTER_UNKNOWN", "There is no dead letter with this number.")


@problem_of.register
def _(_error: events.DeadLetterDelivered) -> ApiProblem:
    return ApiProblem(
        409, "ALREADY_RESOLVED", "This dead letter was sent again, and has been accepted."
    )


@problem_of.register
def _(_error: webhooks.EndpointNotFound) -> ApiProblem:
    detail = "There is no webhook endpoint with this id."
    return ApiProblem(404, "WEBHOOK_ENDPOINT_UNKNOWN", detail)


@problem_of.register
def _(_error: webhooks.DeliveryNotFound) -> ApiProblem:
    detail = "There is no delivery of this event to this endpoint."
    return ApiProblem(404, "WEBHOOK_DELIVERY_UNKNOWN", detail)


@problem_of.register
def _(error: webhooks.EndpointExists) -> ApiProblem:
    return ApiProblem(
        409,
        "WEBHOOK_ENDPOINT_EXISTS",
        "You have a webhook endpoint of this URL already. Change that one.",
        field="url",
        details={"endpoint_id": error.endpoint_id},
    )


@problem_of.register
def _(error: webhooks.EndpointNotActive) -> ApiProblem:
    detail = f"This endpoint is {error.status}: nothing is sent to it. Set it to ACTIVE first."
    return ApiProblem(409, "WEBHOOK_ENDPOINT_NOT_ACTIVE", detail)


@problem_of.register
def _(error: webhooks.SecretRotated) -> ApiProblem:
    return ApiProblem(
        409,
        "WEBHOOK_SECRET_ROTATED",
        f"The secret before the present one is valid until {error.until:%Y-%m-%d %H:%M} UTC, and"
        " would end by this. Rotate then, or now with expire_old_now=true if your receiver does"
        " not need it any more.",
        field="expire_old_now",
        details={"old_secret_until": error.until.isoformat()},
    )


@problem_of.register
def _(error: webhooks.TooManyEndpoints) -> ApiProblem:
    detail = f"You have {error.most} webhook endpoints, which is as many as you may have."
    return ApiProblem(409, "TOO_MANY_WEBHOOK_ENDPOINTS", detail)


@problem_of.register
def _(error: webhooks.UrlRefused) -> ApiProblem:
    return ApiProblem(422, "WEBHOOK_URL_REFUSED", f"The URL {error}.", field="url")
