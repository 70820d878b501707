"""Builds the activities of a process from its settings, and closes what they hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.marketplace.holding import HoldActivities
from activities.operations.rounds import WatchActivities
from activities.payments.activities import PaymentActivities
from activities.reservations.counts import PlaceCounter
from activities.reservations.moving import MoveActivities
from activities.reservations.record import ReservationActivities
from activities.suppliers.changes import ItemChangeActivities
from activities.suppliers.following.rounds import FollowActivities
from activities.suppliers.health import SupplierHealth, watched
from activities.suppliers.items import ItemActivities
from activities.trips.cancellation_quotes import CancelQuoteActivities
from activities.trips.changes import ChangeActivities
from activities.trips.quotes import QuoteActivities
from activities.trips.record import BookingActivities
from models.core.database import create_engine, create_sessions
from models.core.venues import VENUE
from payments.core.protocol import Gateway
from payments.registry import create_gateway
from settings import Settings
from suppliers.core.limiter import RateLimits
from suppliers.core.protocol import Sells, Supplier
from suppliers.exchange_rates.ecb import EcbRates, RateSource
from suppliers.planner import TripPlanner
from suppliers.registry import create_suppliers, create_venues
from suppliers.venue import VenueSupplier
from temporal import patience

Activity = Callable[..., Any]


@dataclass(frozen=True)
class Activities:
    """All activities of a process, and the connections they share."""

    bookings: BookingActivities
    reservations: ReservationActivities
    moves: MoveActivities
    holds: HoldActivities
    quotes: QuoteActivities
    changes: ChangeActivities
    cancel_quotes: CancelQuoteActivities
    items: ItemActivities
    item_changes: ItemChangeActivities
    payments: PaymentActivities
    watching: WatchActivities
    following: FollowActivities
    suppliers: Mapping[str, Supplier]
    """What trips are booked at."""
    venues: VenueSupplier | None
    """Where reservations are made; None: none are taken."""
    health: SupplierHealth
    gateway: Gateway
    engine: AsyncEngine
    planner: TripPlanner
    rates: RateSource

    @property
    def queues(self) -> list[str]:
        """Whose calls have a queue of their own, beside the gateway's."""
        return [*self.suppliers, *([VENUE] if self.venues else [])]

    def all(self) -> list[Activity]:
        """Every activity: what the workflows' own queue serves, local activities included."""
        return [
            self.bookings.open_booking,
            self.reservations.open_reservation,
            self.moves.open_move,
            self.moves.move_claim,
            self.holds.keep_held,
            self.bookings.load_booking,
            self.bookings.record,
            self.bookings.end_requests,
            self.quotes.quote_items,
            self.changes.open_change,
            self.changes.quote_change,
            self.changes.end_change,
            self.cancel_quotes.quote_cancellation,
            *self.for_supplier(),
            *self.for_gateway(),
            self.watching.plan_watch,
            self.watching.reconcile_payments,
            self.watching.check_invariants,
            self.watching.report_day,
            self.following.read_supplier_changes,
            self.following.follow_items,
            self.following.find_quiet_bookings,
            self.following.look_again,
        ]

    def for_supplier(self) -> list[Activity]:
        """What a supplier's queue serves."""
        return [
            self.items.book_item,
            self.items.complete_item,
            self.items.look_at_item,
            self.item_changes.change_item,
            self.items.cancel_item,
        ]

    def for_gateway(self) -> list[Activity]:
        """What the gateway's queue serves."""
        return [
            self.payments.authorise_payment,
            self.payments.read_payment,
            self.payments.capture_payment,
            self.payments.return_payment,
            self.payments.refund_payment,
            self.payments.look_at_payment,
            self.payments.return_stray_payment,
        ]

    async def close(self) -> None:
        """Close every connection."""
        await self.health.close()
        for supplier in self.suppliers.values():
            await supplier.close()
        if self.venues is not None:
            await self.venues.close()
        await self.gateway.close()
        await self.planner.close()
        await self.rates.close()
        await self.engine.dispose()


def create_activities(
    settings: Settings,
    *,
    suppliers: dict[str, Supplier] | None = None,
    gateway: Gateway | None = None,
    venues: VenueSupplier | None = None,
    places: PlaceCounter | None = None,
) -> Activities:
    """Return the activities for ``settings``; adapters may be given instead of made."""
    engine = create_engine(settings.database.sqlalchemy_url, pool_size=settings.database.pool_size)
    sessions = create_sessions(engine)
    health = SupplierHealth(sessions, settings)
    found = suppliers if suppliers is not None else create_suppliers(settings, RateLimits(sessions))
    suppliers = {name: watched(supplier, health) for name, supplier in found.items()}
    venues = venues or create_venues(settings, RateLimits(sessions))
    sellers: dict[str, Sells[Any, Any]] = {**suppliers}
    if venues is not None:
        sellers[VENUE] = watched(venues, health)
    gateway = gateway if gateway is not None else create_gateway(settings)
    planner = TripPlanner(settings)
    rates = EcbRates(settings)
    payments = PaymentActivities(sessions, gateway, settings.settle_period)
    items = ItemActivities(sessions, sellers, settings.settle_period)
    waiting = patience(settings)
    quotes = QuoteActivities(sessions, suppliers, rates, health)
    return Activities(
        bookings=BookingActivities(sessions),
        reservations=ReservationActivities(sessions, places),
        moves=MoveActivities(sessions, places),
        holds=HoldActivities(sessions),
        quotes=quotes,
        changes=ChangeActivities(sessions, quotes),
        cancel_quotes=CancelQuoteActivities(sessions, suppliers),
        items=items,
        item_changes=ItemChangeActivities(sessions, sellers),
        payments=payments,
        watching=WatchActivities(sessions, payments, gateway, suppliers, settings, waiting),
        following=FollowActivities(sessions, items, suppliers, settings, waiting),
        suppliers=suppliers,
        venues=venues,
        health=health,
        gateway=gateway,
        engine=engine,
        planner=planner,
        rates=rates,
    )
