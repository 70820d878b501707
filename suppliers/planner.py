"""The trip planner: where trip options come from, and who is told what became of them.

It speaks ``GET /trip-options/{id}`` and ``PUT /trip-options/{id}/lock`` as docs/trip-planner.md
describes them. Both may be repeated at will, so every failure to answer is
:class:`~models.errors.Retryable`.
"""

from typing import Final, Literal

from pydantic import ValidationError

from models.core.errors import AuthConfig, InvalidRequest, Refusal, Unavailable
from models.core.incoming import UnfitText, expect_fit_json
from models.core.paths import segment
from models.trips.option import TripOption
from settings import Settings
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient

NAME: Final = "planner"
DOCUMENTED_TIMEOUT: Final = 10.0
"""Seconds; a look-up at a neighbour that takes longer is not going to be answered."""

LockStatus = Literal["OPEN", "LOCKED", "BOOKED"]


class TripPlanner:
    """Reads trip options and sets their lock. Raises only :mod:`models.errors`."""

    name = NAME

    def __init__(self, settings: Settings) -> None:
        url = settings.planner_url
        self._http = JsonClient(
            provider=NAME,
            base_url=url,
            headers={"Accept": "application/json", **_credentials(settings)},
            timeout=settings.timeout_for(url, DOCUMENTED_TIMEOUT),
        )

    async def get(self, trip_option_id: str) -> TripOption | None:
        """Return the trip option, or None when the planner does not know it (any more).

        Raises:
            InvalidRequest: what the planner sent is not a trip option, or another one.
            Retryable: no answer, 429 or 5xx.
        """
        try:
            path = _path(trip_option_id)
        except InvalidRequest:
            return None  # no planner has such an id
        answer = await self._http.call("GET", path, operation="retrieve", changes=False)
        if answer.status in (404, 410):
            return None
        _expect_success(answer, f"asked for trip option {trip_option_id}")
        try:
            trip = TripOption.model_validate_json(answer.content)
            # What people may have written; an offer is a supplier's, and may be all digits.
            expect_fit_json(
                trip.model_dump(
                    mode="json", by_alias=True, exclude={"components": {"__all__": {"offer"}}}
                )
            )
        except (ValidationError, RecursionError, UnfitText) as error:
            raise answer.failure(
                InvalidRequest,
                f"trip option {trip_option_id} cannot be booked, because the trip planner"
                f" describes it wrongly: {_first_reason(error)}",
                code="malformed_answer",
            ) from error
        if trip.trip_option_id != trip_option_id:
            raise answer.failure(
                InvalidRequest,
                f"the trip planner was asked for trip option {trip_option_id} and answered"
                f" {trip.trip_option_id}",
                code="malformed_answer",
            )
        return trip

    async def lock(self, trip_option_id: str, status: LockStatus, booking_id: str | None) -> None:
        """Say that the option is being booked (LOCKED), is booked, or is free again (OPEN).

        Saying the same twice is the same as saying it once.

        Raises:
            Unavailable: another booking has it.
            InvalidRequest: the planner does not know the option, or refuses the change.
            Retryable: no answer, 429 or 5xx.
        """
        answer = await self._http.call(
            "PUT",
            f"{_path(trip_option_id)}/lock",
            operation="lock",
            changes=False,
            body={"status": status, "bookingId": booking_id},
        )
        match answer.status:
            case 404 | 410:
                raise answer.failure(
                    InvalidRequest,
                    f"the trip planner does not know trip option {trip_option_id}",
                    code="unknown_trip_option",
                )
            case 409:
                raise answer.failure(
                    Unavailable,
                    f"trip option {trip_option_id} belongs to another booking",
                    code="booked_by_another",
                )
        _expect_success(answer, f"was told that trip option {trip_option_id} is {status}")

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()


def _credentials(settings: Settings) -> dict[str, str]:
    key = settings.trip_planner_api_key.get_secret_value()
    return {"Authorization": f"Bearer {key}"} if key else {}


def _path(trip_option_id: str) -> str:
    return f"/trip-options/{segment(trip_option_id, provider=NAME, operation='retrieve')}"


def _expect_success(answer: JsonAnswer, asked: str) -> None:
    if answer.ok:
        return
    message = f"the trip planner {asked} and answered {answer.status}"
    kind: type[Refusal]
    match answer.status:
        case 401 | 403:
            kind = AuthConfig
        case status if 400 <= status < 500 and status not in (408, 425, 429):
            kind = InvalidRequest
        case _:
            raise answer.by_status(message)
    raise answer.failure(kind, message)


def _first_reason(error: ValidationError | RecursionError | UnfitText) -> str:
    if isinstance(error, UnfitText):
        return str(error)
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
