"""``/market/v1/stays``, ``/packages``, ``/tours``: what can really be had, the cheapest first."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Final, Protocol, TypeVar

from fastapi import Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.cursors import number_of, numbered_cursor, page_of
from api.core.principals import Principal
from api.core.problems import ApiProblem
from api.marketplace import search_answers as answers
from api.marketplace import search_asked as asked
from api.openapi import problems, shown
from models.core.keys import parse_booking_id
from models.core.money import CODES
from models.core.times import Day
from models.marketplace.quotes.errors import OfferNotFound, PriceNotPayable
from models.marketplace.quotes.outings import seats_price
from models.marketplace.quotes.reading import read_listing, read_tour
from models.marketplace.quotes.rules import expect_dates
from models.marketplace.search.offers import offers_of
from models.marketplace.search.packages import PackageQuestion, find_packages
from models.marketplace.search.pages import Place
from models.marketplace.search.places import City
from models.marketplace.search.stays import StayQuestion, find_stays
from models.marketplace.search.tours import TourQuestion, find_departures, find_tours

router = Audience(Policy.MARKET, prefix="/market/v1", tags=["market"])

_BITS: Final = 37
"""Of a total in a cursor: prices are lower than 2^37 (``models.core.money.MinorUnits``)."""
_DAYS_SHOWN: Final = dt.timedelta(days=90)
_SEARCHED = (400, 401, 422, 500, 503)


class _Found(Protocol):
    @property
    def place(self) -> Place: ...


Item = TypeVar("Item", bound=_Found)


@router.listing(
    "/stays",
    operation_id="searchStays",
    response_model_exclude_unset=True,
    summary="Stays that can be had in a place, the cheapest first",
    responses={200: {"content": shown("STAYS")}, **problems(*_SEARCHED)},
)
async def stays(
    context: Context,
    asking: Asking,
    request: Request,
    *,
    city: asked.CityName | None = None,
    bbox: asked.BoxText | None = None,
    check_in: asked.CheckIn,
    check_out: asked.CheckOut,
    adults: asked.AdultsAsked = 2,
    children: asked.Ages | None = None,
    rooms: asked.RoomsAsked = 1,
    price_min: asked.Least | None = None,
    price_max: asked.Most | None = None,
    currency: asked.CurrencyAsked | None = None,
    amenities: asked.Amenities | None = None,
    limit: asked.Limit = 20,
    cursor: asked.Behind | None = None,
) -> answers.StayPage:
    """Find listings with rooms that are free for the whole stay and take the whole party.

    Each is shown with its cheapest offer: so many units of one type of room on one rate plan, for
    which the price of the whole stay is reckoned as a quote reckons it, taxes included. The prices
    asked for are those of that offer.
    """
    those = asked.Asked(city, bbox, adults, children, rooms, price_min, price_max, currency)
    expect_dates(check_in, check_out)
    question = StayQuestion(
        area=those.area(),
        check_in=check_in,
        check_out=check_out,
        party=those.party(),
        rooms=rooms,
        amenities=tuple(amenities.split(",")) if amenities else (),
        prices=those.prices(),
    )
    after, now = _behind(request, asking, cursor), dt.datetime.now(dt.UTC)
    found = await context.lists.look(
        lambda connection: find_stays(connection, question, now, after=after, limit=limit + 1)
    )
    shown_, more = _page(request, asking, found, limit)
    return answers.StayPage(stays=[answers.stay_answer(one) for one in shown_], **more)


@router.get(
    "/stays/{listing_id}/offers",
    operation_id="listOffers",
    response_model_exclude_unset=True,
    summary="Every room and rate plan of a listing that fits a party",
    responses={200: {"content": shown("OFFERS")}, **problems(*_SEARCHED, 404, 409)},
)
async def offers(
    context: Context,
    listing_id: Annotated[str, Path(description="The listing's id.")],
    *,
    check_in: asked.CheckIn,
    check_out: asked.CheckOut,
    adults: asked.AdultsAsked = 2,
    children: asked.Ages | None = None,
    rooms: asked.RoomsAsked = 1,
) -> answers.ListedOffers:
    """List every room and rate plan that takes the party and is free, priced for the whole stay.

    The cheapest stands first. Nothing is listed where nothing fits.
    """
    expect_dates(check_in, check_out)
    party = asked.Asked(adults=adults, children=children, rooms=rooms).party()
    wanted = _id(listing_id)
    read = await context.record.look(
        lambda connection: read_listing(connection, wanted, check_in, check_out)
    )
    if read is None:
        raise OfferNotFound
    found = offers_of(read, check_in, check_out, party, rooms)
    return answers.ListedOffers(
        listing=answers.listing_answer(read.listing),
        check_in=check_in,
        check_out=check_out,
        nights=(check_out - check_in).days,
        offers=[answers.offer_answer(read.listing, one) for one in found],
    )


@router.listing(
    "/packages",
    operation_id="searchPackages",
    summary="Hotel packages of a place, the cheapest first",
    responses={200: {"content": shown("PACKAGES")}, **problems(*_SEARCHED)},
)
async def packages(
    context: Context,
    asking: Asking,
    request: Request,
    *,
    city: asked.CityName | None = None,
    bbox: asked.BoxText | None = None,
    check_in: Annotated[
        Day | None, Query(description="Only those that begin then and are free.")
    ] = None,
    adults: asked.AdultsAsked = 2,
    children: asked.Ages | None = None,
    rooms: asked.RoomsAsked = 1,
    price_min: asked.Least | None = None,
    price_max: asked.Most | None = None,
    currency: asked.CurrencyAsked | None = None,
    limit: asked.Limit = 20,
    cursor: asked.Behind | None = None,
) -> answers.PackagePage:
    """Find hotel packages with a room that takes the party; with a day, those free from then on."""
    those = asked.Asked(city, bbox, adults, children, rooms, price_min, price_max, currency)
    question = PackageQuestion(
        area=those.area(),
        party=those.party(),
        rooms=rooms,
        check_in=check_in,
        prices=those.prices(),
    )
    after, now = _behind(request, asking, cursor), dt.datetime.now(dt.UTC)
    found = await context.lists.look(
        lambda connection: find_packages(connection, question, now, after=after, limit=limit + 1)
    )
    shown_, more = _page(request, asking, found, limit)
    return answers.PackagePage(packages=[answers.package_answer(one) for one in shown_], **more)


@router.listing(
    "/tours",
    operation_id="searchTours",
    summary="Tours of a city, the cheapest first",
    responses={200: {"content": shown("TOURS")}, **problems(*_SEARCHED)},
)
async def tours(
    context: Context,
    asking: Asking,
    request: Request,
    *,
    city: asked.CityName,
    since: Annotated[
        Day | None, Query(alias="from", description="Departing then or later; today otherwise.")
    ] = None,
    until: Annotated[
        Day | None, Query(alias="to", description="Departing before then; 90 days on otherwise.")
    ] = None,
    travelers: asked.TravelersAsked = 1,
    price_min: asked.Least | None = None,
    price_max: asked.Most | None = None,
    currency: asked.CurrencyAsked | None = None,
    limit: asked.Limit = 20,
    cursor: asked.Behind | None = None,
) -> answers.TourPage:
    """Find tours with a departure that has so many seats, each with its cheapest one."""
    those = asked.Asked(price_min=price_min, price_max=price_max, currency=currency)
    first, last = _days(since, until)
    question = TourQuestion(City(city), travelers, first, last, those.prices())
    after, now = _behind(request, asking, cursor), dt.datetime.now(dt.UTC)
    found = await context.lists.look(
        lambda connection: find_tours(connection, question, now, after=after, limit=limit + 1)
    )
    shown_, more = _page(request, asking, found, limit)
    return answers.TourPage(tours=[answers.tour_answer(one) for one in shown_], **more)


@router.listing(
    "/tours/{tour_id}/departures",
    operation_id="listDepartures",
    summary="Departures of a tour that can be had, by their day",
    responses={200: {"content": shown("DEPARTURES")}, **problems(*_SEARCHED, 404, 409)},
)
async def departures(
    context: Context,
    asking: Asking,
    request: Request,
    tour_id: Annotated[str, Path(description="The tour's id.")],
    *,
    since: Annotated[
        Day | None, Query(alias="from", description="Departing then or later; today otherwise.")
    ] = None,
    until: Annotated[
        Day | None, Query(alias="to", description="Departing before then; 90 days on otherwise.")
    ] = None,
    travelers: asked.TravelersAsked = 1,
    limit: asked.Limit = 20,
    cursor: asked.Behind | None = None,
) -> answers.DeparturePage:
    """List departures with so many seats, priced for all travellers together."""
    first, last = _days(since, until)
    if cursor is not None:
        day, _ = number_of(request, asking, cursor)
        if not first.toordinal() <= day < last.toordinal():
            raise ApiProblem(400, "CURSOR_INVALID", "This cursor was not made for this list.")
        first = dt.date.fromordinal(day + 1)
    wanted = _id(tour_id)

    async def find(connection: AsyncConnection) -> tuple[Any, Sequence[Any]]:
        read = await read_tour(connection, wanted, None)
        found = await find_departures(connection, read, travelers, first, last, limit=limit + 1)
        return read, found

    read, found = await context.lists.look(find)
    rows, end = page_of(found, limit)
    told = []
    for row in rows:
        try:
            price = seats_price(read.tour, row["price"], travelers)
        except PriceNotPayable:
            continue
        told.append(
            answers.ShownDeparture(
                id=row["id"],
                date=row["departure_date"],
                starts_at=row["starts_at"],
                ends_at=row["ends_at"],
                total=price.total,
                currency=price.currency,
                seats_left=row["available"],
            )
        )
    return answers.DeparturePage(
        departures=told,
        has_more=end is not None,
        next_cursor=end
        and numbered_cursor(request, asking, end["departure_date"].toordinal(), end["id"]),
    )


def _page(
    request: Request, asking: Principal, found: Sequence[Item], limit: int
) -> tuple[Sequence[Item], dict[str, Any]]:
    """Return what the page shows, and what it tells of the next one."""
    rows, last = page_of(found, limit)
    if last is None:
        return rows, {"has_more": False, "next_cursor": None}
    place = last.place
    number = CODES.index(place.currency) << _BITS | place.total
    return rows, {
        "has_more": True,
        "next_cursor": numbered_cursor(request, asking, number, place.id),
    }


def _behind(request: Request, asking: Principal, cursor: str | None) -> Place | None:
    """Return the place that a page begins behind. Raises ApiProblem 400."""
    if cursor is None:
        return None
    number, row_id = number_of(request, asking, cursor)
    code, total = divmod(number, 1 << _BITS)
    if not 0 <= code < len(CODES):
        raise ApiProblem(400, "CURSOR_INVALID", "This cursor was not made for this list.")
    return Place(CODES[code], total, row_id)


def _days(since: dt.date | None, until: dt.date | None) -> tuple[dt.date, dt.date]:
    first = since or dt.datetime.now(dt.UTC).date()
    last = until or min(first, dt.date.max - _DAYS_SHOWN) + _DAYS_SHOWN
    asked.expect_days(first, last)
    return first, last


def _id(text: str) -> str:
    found = parse_booking_id(text)
    if found is None:
        raise OfferNotFound
    return found
