"""``/market/v1/tours/{id}/departures``: when a tour departs, with how many seats."""

from typing import Annotated

from fastapi import Body, Query, Response

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import natural
from api.marketplace.catalogue import presenter
from api.marketplace.catalogue.package_schemas import (
    CancelDeparture,
    DepartureAnswer,
    DepartureChange,
    DeparturesAnswer,
    DeparturesBody,
    DeparturesMadeAnswer,
)
from api.marketplace.catalogue.values import values_of
from api.marketplace.edge import (
    ASKING,
    CHANGING,
    PREFIX,
    DepartureId,
    IfMatch,
    TourId,
    expected,
    tagged,
    user_of,
)
from api.openapi import WRITING, problems, shown
from models.core.times import Day
from models.kinds import HOOKS
from models.marketplace.catalogue import departures

router = Audience(Policy.USER, prefix=f"{PREFIX}/tours", tags=["market: catalogue"])


@router.post(
    "/{tour_id}/departures",
    operation_id="createDepartures",
    summary="Put departures up for sale",
    responses={
        200: {"description": "Done.", "content": shown("MARKET_DEPARTURES_MADE")},
        **problems(*WRITING, 403, 409),
    },
)
@natural
async def create(
    context: Context, principal: Asking, tour_id: TourId, body: Annotated[DeparturesBody, Body()]
) -> DeparturesMadeAnswer:
    """Make a departure on all days from one to another, on some days of the week or on all.

    Days that have one keep it as it is, so that to ask again changes nothing. They begin at a time
    on the clock there: where it shows that time twice, at the first; where it does not show it on
    some day, nothing is made, and 422 `TIME_DOES_NOT_EXIST` names the day.
    """
    user, which = user_of(principal), str(tour_id)
    made = await context.record.write(
        lambda session: departures.make_departures(
            session,
            user,
            which,
            body.since,
            body.until,
            body.weekdays,
            time=body.start_time,
            seats=body.seats,
            price=body.price,
        )
    )
    return DeparturesMadeAnswer(asked=made.asked, created=made.created)


@router.get(
    "/{tour_id}/schedule",
    operation_id="getSchedule",
    summary="Departures of a tour of yours",
    responses={
        200: {"description": "In order.", "content": shown("MARKET_DEPARTURES")},
        **problems(*ASKING),
    },
)
async def schedule(
    context: Context,
    principal: Asking,
    tour_id: TourId,
    *,
    since: Annotated[Day, Query(alias="from", description="The first day.")],
    until: Annotated[
        Day, Query(alias="to", description="The day after the last: at most 366 after from.")
    ],
) -> DeparturesAnswer:
    """Return departures, closed and cancelled ones included, with what is held and sold of each."""
    user, which = user_of(principal), str(tour_id)
    tour, found = await context.record.read(
        lambda session: departures.list_departures(session, user, which, since, until)
    )
    return DeparturesAnswer(departures=[presenter.departure(one, tour) for one in found])


@router.patch(
    "/{tour_id}/departures/{departure_id}",
    operation_id="changeDeparture",
    summary="Change a departure, or close it",
    responses={
        200: {"description": "Changed.", "content": shown("MARKET_DEPARTURE")},
        **problems(*CHANGING),
    },
)
@natural
async def change(
    context: Context,
    principal: Asking,
    response: Response,
    tour_id: TourId,
    departure_id: DepartureId,
    body: Annotated[DepartureChange, Body()],
    if_match: IfMatch = None,
) -> DepartureAnswer:
    """Change seats, price, or whether more seats are sold, of the version that was seen.

    There are never fewer seats than are held and sold: 409 `BELOW_SOLD`.
    """
    version = expected(body.expected_version, if_match, demanded=True)
    user, values = user_of(principal), values_of(body)
    tour, changed = await context.record.write(
        lambda session: departures.change_departure(
            session, user, str(tour_id), str(departure_id), values, version
        )
    )
    answer = presenter.departure(changed, tour)
    tagged(response, answer.version, answer)
    return answer


@router.post(
    "/{tour_id}/departures/{departure_id}/cancel",
    operation_id="cancelDeparture",
    summary="Cancel a departure",
    responses={
        200: {"description": "Cancelled.", "content": shown("MARKET_DEPARTURE_CANCELLED")},
        **problems(*WRITING, 403, 409),
    },
)
@natural
async def cancel(
    context: Context,
    principal: Asking,
    response: Response,
    tour_id: TourId,
    departure_id: DepartureId,
    body: Annotated[CancelDeparture, Body()],
) -> DepartureAnswer:
    """Sell no seat of a departure any more. Twice gives the same answer twice.

    What is held of it ends at once, and nothing is taken for it. What is sold of it (`sold`) is
    settled by the house, which cancels those bookings and gives back what was paid.
    """
    user = user_of(principal)
    tour, cancelled = await context.record.write(
        lambda session: departures.cancel_departure(
            session, user, str(tour_id), str(departure_id), body.reason, hooks=HOOKS
        )
    )
    answer = presenter.departure(cancelled, tour)
    tagged(response, answer.version, answer)
    return answer
