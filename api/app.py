"""The application: every route in one place."""

from collections import ChainMap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from api import errors, openapi
from api.accounts import examples as account_examples
from api.accounts import me as accounts
from api.accounts import second_factor, signing_in
from api.core import documentation, health, problems
from api.core.audience import policies, repeats
from api.core.context import open_context
from api.core.edge import Edge
from api.dashboard import examples as recent_examples
from api.dashboard import routes as recent
from api.events import examples as event_examples
from api.events import operators as sinks
from api.events import routes as events
from api.ledger import examples as ledger_examples
from api.ledger import routes as ledger
from api.marketplace import booking_examples as market_booking_examples
from api.marketplace import bookings as market_bookings
from api.marketplace import quote_examples, search
from api.marketplace import quotes as market_quotes
from api.marketplace.catalogue import (
    departure_routes,
    listing_routes,
    package_routes,
    room_routes,
    tour_routes,
)
from api.marketplace.catalogue import examples as catalogue_examples
from api.marketplace.providers import examples as provider_examples
from api.marketplace.providers import reviews
from api.marketplace.providers import routes as providers
from api.operations import examples as case_examples
from api.operations import routes as cases
from api.payments import examples as payment_examples
from api.payments import routes as reconciliations
from api.reservations import examples as reservation_examples
from api.reservations import listing as reservation_lists
from api.reservations import routes as reservations
from api.reservations import venue_routes as venues
from api.suppliers import routes as suppliers
from api.suppliers import schemas as supplier_examples
from api.trips import decisions as operators
from api.trips import events as progress
from api.trips import examples as trip_examples
from api.trips import listing, story
from api.trips import routes as booking
from api.trips.schemas import cancelling as cancel_examples
from api.trips.schemas import changing as change_examples
from api.webhook_endpoints import examples as endpoint_examples
from api.webhook_endpoints import routes as webhook_endpoints
from api.webhooks import routes as webhooks
from settings import Settings

DESCRIPTION = """Books a whole trip, or nothing; reserves places at venues.

A trip option is booked and paid as one: flight, hotel and activities. When a required part cannot
be had, everything is undone and the money is returned; an activity that cannot be had is left out
and not paid. A reservation holds its place first, and is paid then where something is to be paid.
Amounts are integers in the currency's minor unit, times are UTC.

Send an `Idempotency-Key` with every booking: the same key and body always lead to the same booking.
What is not an answer is a problem (RFC 9457) with a stable `code`, explained at `/problems`.

What happens to bookings is told as events (CloudEvents), described at `/asyncapi.json`: in a feed,
in a stream of it, and to webhook endpoints of callers, signed and in the order of each booking.

`HEAD` is answered as `GET` is, without the body. Bodies are JSON in UTF-8 of bounded size (413),
depth and number of values (400). No text may hold a card number (422 `CARD_NUMBER_REFUSED`). A
parameter of the query that is not described here is refused (422).
"""

EXAMPLES = ChainMap(
    *map(
        vars,
        (
            trip_examples,
            recent_examples,
            cancel_examples,
            change_examples,
            ledger_examples,
            case_examples,
            payment_examples,
            supplier_examples,
            reservation_examples,
            event_examples,
            endpoint_examples,
            quote_examples,
            market_booking_examples,
            provider_examples,
            catalogue_examples,
            account_examples,
        ),
    )
)
"""What the document shows, by name: a test holds every example to its schema."""


def create_app(settings: Settings) -> FastAPI:
    """Return the API. Its connections are opened when it starts and closed when it stops.

    Raises:
        LookupError: a route has no policy, or does not say what a repeat of a request does.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_context(settings) as context:
            app.state.context = context
            yield

    app = _App(
        title="Trip bookings",
        version="1.0.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=[
            {"name": "bookings", "description": "For trip planners; own bookings only."},
            {"name": "reservations", "description": "For venues and who reserves at them."},
            {"name": "market", "description": "Stays, packages and tours: search and quotes."},
            {"name": "events", "description": "What happens to bookings; own bookings only."},
            {
                "name": "webhook endpoints",
                "description": "Where callers are told of the events of their bookings.",
            },
            {
                "name": "market: providers",
                "description": "For who wants to offer stays or tours: profiles and onboarding.",
            },
            {
                "name": "market: catalogue",
                "description": "For providers: what they offer, own offers only.",
            },
            {"name": "market: admins", "description": "For admins: reviews of providers."},
            {"name": "accounts", "description": "Signing in with a code; one's own account."},
            {"name": "operators", "description": "For operators."},
            {"name": "webhooks", "description": "For the payment gateways."},
            {"name": "health", "description": "For whoever runs this."},
        ],
    )
    for router in (
        recent.router,
        listing.router,
        booking.work,
        booking.look,
        progress.router,
        story.router,
        reservation_lists.router,
        reservations.work,
        reservations.ask,
        reservations.look,
        venues.work,
        venues.look,
        search.router,
        market_quotes.router,
        market_bookings.work,
        market_bookings.look,
        operators.router,
        cases.router,
        ledger.router,
        reconciliations.router,
        suppliers.router,
        webhook_endpoints.router,
        signing_in.strangers,
        signing_in.signed_in,
        accounts.enrolling,
        accounts.router,
        second_factor.router,
        webhooks.router,
        events.router,
        events.public,
        sinks.router,
        providers.router,
        reviews.router,
        listing_routes.router,
        room_routes.router,
        package_routes.router,
        tour_routes.router,
        departure_routes.router,
        health.router,
        documentation.router,
    ):
        app.include_router(router)
    policies(app.routes)  # refuses a route without one
    repeats(app.routes)  # likewise
    problems.install(app)
    errors.install(app)
    app.add_middleware(Edge, hsts=settings.environment == "production")
    return app


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return openapi.describe(self, EXAMPLES)
