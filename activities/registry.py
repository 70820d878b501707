"""Builds the activities of a process from its settings, and closes what they hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.bookings import BookingActivities
from activities.items import ItemActivities
from activities.payments import PaymentActivities
from activities.quoting import QuoteActivities
from activities.watching.rounds import WatchActivities
from models.database import create_engine, create_sessions
from payments.protocol import Gateway
from payments.registry import create_gateway
from settings import Settings
from suppliers.planner import TripPlanner
from suppliers.protocol import Supplier
from suppliers.rates import EcbRates, RateSource
from suppliers.registry import create_suppliers
from temporal import patience

Activity = Callable[..., Any]


@dataclass(frozen=True)
class Activities:
    """All activities of a process, and the connections they share."""

    bookings: BookingActivities
    quotes: QuoteActivities
    items: ItemActivities
    payments: PaymentActivities
    watching: WatchActivities
    suppliers: Mapping[str, Supplier]
    gateway: Gateway
    engine: AsyncEngine
    planner: TripPlanner
    rates: RateSource

    def all(self) -> list[Activity]:
        """Every activity: what the workflows' own queue serves, local activities included."""
        return [
            self.bookings.open_booking,
            self.bookings.load_booking,
            self.bookings.record,
            self.quotes.quote_items,
            *self.for_supplier(),
            *self.for_gateway(),
            self.watching.plan_watch,
            self.watching.reconcile_payments,
            self.watching.check_invariants,
            self.watching.report_day,
        ]

    def for_supplier(self) -> list[Activity]:
        """What a supplier's queue serves."""
        return [
            self.items.book_item,
            self.items.complete_item,
            self.items.look_at_item,
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
        for supplier in self.suppliers.values():
            await supplier.close()
        await self.gateway.close()
        await self.planner.close()
        await self.rates.close()
        await self.engine.dispose()


def create_activities(
    settings: Settings,
    *,
    suppliers: dict[str, Supplier] | None = None,
    gateway: Gateway | None = None,
) -> Activities:
    """Return the activities for ``settings``; adapters may be given instead of made."""
    engine = create_engine(settings.sqlalchemy_url, pool_size=settings.database_pool_size)
    sessions = create_sessions(engine)
    suppliers = suppliers if suppliers is not None else create_suppliers(settings)
    gateway = gateway if gateway is not None else create_gateway(settings)
    planner = TripPlanner(settings)
    rates = EcbRates(settings)
    payments = PaymentActivities(sessions, gateway, settings.settle_period)
    return Activities(
        bookings=BookingActivities(sessions, planner),
        quotes=QuoteActivities(sessions, suppliers, rates),
        items=ItemActivities(sessions, suppliers, settings.settle_period),
        payments=payments,
        watching=WatchActivities(sessions, payments, gateway, settings, patience(settings)),
        suppliers=suppliers,
        gateway=gateway,
        engine=engine,
        planner=planner,
        rates=rates,
    )
