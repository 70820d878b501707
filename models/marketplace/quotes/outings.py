"""Tours: the snapshot that a wish for seats of a departure comes to. No I/O."""

from functools import partial
from zoneinfo import ZoneInfo

from models.core.money import smallest_charge
from models.marketplace.quotes import pricing, rules
from models.marketplace.quotes.errors import NotOnSale
from models.marketplace.quotes.fees import Beginning, Part, no_show_fee, terms_of
from models.marketplace.quotes.lodgings import Quoted
from models.marketplace.quotes.messages import SeatsWish
from models.marketplace.quotes.offered import Outing, Tour
from models.marketplace.quotes.payable import payable
from models.marketplace.quotes.snapshot import DeparturePart, ProviderPart, Snapshot, TermsPart
from models.marketplace.stock.wanted import Seats, Wanted


def seats_price(tour: Tour, price: int | None, travelers: int) -> pricing.Price:
    """Return what seats cost, at a departure's own price or the tour's.

    All travellers count as adults, and the nights of a tour are those between its days.

    Raises:
        PriceNotPayable: nobody can pay that.
    """
    basis = pricing.Basis(0, travelers, travelers, 0, tour.days - 1)
    each = tour.price if price is None else price
    kind, currency = pricing.LineKind.SEATS, tour.currency
    return payable(partial(pricing.by_head, kind, each, basis, tour.taxes, currency), currency)


def quote_seats(wish: SeatsWish, read: Outing) -> Quoted:
    """Return what seats of a departure cost.

    Raises:
        DomainError: of ``models.marketplace.quotes.errors``; what stands in the way.
    """
    tour = read.tour
    rules.expect_on_sale("tour", tour.status, read.provider)
    rules.expect_departing(read, wish.travelers)
    rules.expect_currency(tour.currency, wish.currency)
    departure = read.departure
    assert departure is not None, "it is departing"
    if not tour.time_zone:
        raise NotOnSale("tour", "INCOMPLETE")
    price = seats_price(tour, departure.price, wish.travelers)
    days = pricing.apportioned(
        price.lines[0].amount, [1] * tour.days, smallest_charge(tour.currency)
    )
    parts = [Part(price.total, days, tour.terms, None)]
    local = departure.starts_at.astimezone(ZoneInfo(tour.time_zone)).replace(tzinfo=None, fold=0)
    terms = terms_of(parts, Beginning(local, tour.time_zone), read.now, tour.currency)
    return Quoted(
        snapshot=Snapshot(
            product_type=wish.kind,
            provider=ProviderPart(id=read.provider.id, display_name=read.provider.display_name),
            departure=DeparturePart(
                id=departure.id,
                tour_id=tour.id,
                title=tour.title,
                city=tour.city,
                country=tour.country,
                time_zone=tour.time_zone,
                days=tour.days,
                date=departure.departure_date,
                starts_at=departure.starts_at,
                ends_at=departure.ends_at,
                travelers=wish.travelers,
            ),
            price=price,
            terms=TermsPart(cancellation=terms, no_show_fee=no_show_fee(parts, tour.currency)),
        ),
        wanted=Wanted(
            departure=Seats(departure_id=departure.id, seats=wish.travelers),
            guests=wish.travelers,
            terms=terms,
        ),
        units_left=departure.available // wish.travelers,
    )
