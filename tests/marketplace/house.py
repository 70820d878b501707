"""Providers and what they offer, on the real database, made as their users make them."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.database import create_engine, create_sessions, repeated
from models.kinds import HOOKS
from models.marketplace.catalogue import departures, packages, publishing, repository
from models.marketplace.catalogue.tables import HotelPackageRow, ListingRow, TourPackageRow
from models.marketplace.providers import repository as providers
from models.marketplace.providers import reviews
from models.marketplace.providers.lifecycle import ProviderType, VerificationStatus
from models.marketplace.providers.messages import Decision, Reviewed
from models.marketplace.providers.steps import STEPS_OF, Step, StepData, read
from models.marketplace.versions import Expected
from settings import Settings

Answer = TypeVar("Answer")
Offer = type[ListingRow] | type[HotelPackageRow] | type[TourPackageRow]
ANY = Expected(None)

STEPS: dict[Step, dict[str, Any]] = {
    Step.BUSINESS: {
        "legal_name": "Casa Azul Lda",
        "display_name": "Casa Azul",
        "country": "PT",
        "registration_number": "509 123 456",
    },
    Step.CONTACT: {"name": "Ana Reis", "email": "ana@example.com", "phone": "+351 210 000 000"},
    Step.ADDRESS: {"line1": "Rua do Sol 1", "city": "Lisboa", "country": "PT"},
    Step.PROPERTY: {"name": "Casa Azul", "kind": "GUESTHOUSE", "units": 6},
    Step.LICENCE: {"number": "RNAAT 12", "authority": "Turismo de Portugal", "country": "PT"},
    Step.PAYOUT: {"gateway": "stripe", "account_id": "acct_1", "currency": "EUR"},
    Step.TERMS: {"version": "2026-11", "accepted": True},
}

LISTING: dict[str, Any] = {
    "title": "Casa Azul",
    "currency": "EUR",
    "address": "Rua do Sol 1",
    "city": "São  Brás",
    "country": "PT",
    "lat": 37.15,
    "lon": -7.88,
    "time_zone": "Europe/Lisbon",
    "check_in_from": dt.time(15),
    "check_out_until": dt.time(11),
}
ROOM: dict[str, Any] = {
    "name": "Double",
    "room_type": "DOUBLE",
    "adults_max": 2,
    "base_price": 9_000,
    "units_default": 3,
}
FREE: list[dict[str, Any]] = [{"hours_before": None, "kept": {"basis_points": 0}}]
PLAN: dict[str, Any] = {
    "name": "Flexible",
    "terms": FREE,
    "no_show": {"basis_points": 10_000},
    "price_rule": {},
}
PACKAGE: dict[str, Any] = {
    "title": "A quiet week",
    "template": "week",
    "nights": 7,
    "availability_rule": "FLEXIBLE",
    "price_per_person": 50_000,
    "terms": FREE,
}
TOUR: dict[str, Any] = {
    "title": "Old town on foot",
    "city": "Lisboa",
    "country": "PT",
    "time_zone": "Europe/Lisbon",
    "start_time": dt.time(9, 30),
    "days": 1,
    "max_seats": 10,
    "price": 4_000,
    "currency": "EUR",
    "terms": FREE,
}


def step(which: Step, /, **changes: Any) -> StepData:
    """A step, filled in."""
    return read({"step": which, **STEPS[which], **changes})


def new_id() -> str:
    return str(uuid.uuid4())


class House:
    """The marketplace's record, as the API uses it."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self.engine = create_engine(
            Settings(database={"url": database_url}).database.sqlalchemy_url
        )
        self.sessions = create_sessions(self.engine)

    async def do(self, work: Callable[..., Awaitable[Answer]], *args: Any, **more: Any) -> Answer:
        """Run a function of a repository in a transaction of its own."""

        async def transaction() -> Answer:
            async with self.sessions.begin() as session:
                return await work(session, *args, **more)

        return await repeated(transaction)

    async def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(query), values)]

    async def execute(self, statement: str, **values: Any) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), values)

    # -- providers -----------------------------------------------------------------------------

    async def begin(self, kind: ProviderType = ProviderType.HOTEL_MANAGER) -> tuple[str, str]:
        """A profile of a new user: the user's id, and the provider's."""
        user = new_id()
        made = await self.do(providers.create_provider, user, new_id(), kind)
        return user, made.row.id

    async def submitted(self, kind: ProviderType = ProviderType.HOTEL_MANAGER) -> tuple[str, str]:
        user, provider = await self.begin(kind)
        for name in STEPS_OF[kind]:
            await self.do(providers.save_step, user, provider, step(name))
        await self.do(providers.submit, user, provider)
        return user, provider

    async def approved(self, kind: ProviderType = ProviderType.HOTEL_MANAGER) -> tuple[str, str]:
        user, provider = await self.submitted(kind)
        await self.decide(provider, Decision.START)
        await self.decide(provider, Decision.APPROVE)
        return user, provider

    async def decide(self, provider: str, decision: Decision, **more: Any) -> Reviewed:
        more.setdefault("hooks", HOOKS)
        return await self.do(
            reviews.review, "admin", provider, decision, "a test wants it", ANY, **more
        )

    async def status(self, provider: str) -> VerificationStatus:
        query = "SELECT verification_status FROM provider_profiles WHERE id = :id"
        [(status,)] = await self.rows(query, id=provider)
        return VerificationStatus(status)

    # -- offers --------------------------------------------------------------------------------

    async def listing(self, user: str, provider: str, **changes: Any) -> str:
        """A listing with a room and a rate plan, ready to be published."""
        listing, room = new_id(), new_id()
        await self.do(repository.create_listing, user, listing, provider, {**LISTING, **changes})
        await self.do(repository.create_room, user, room, listing, ROOM)
        await self.do(repository.create_plan, user, new_id(), room, PLAN)
        return listing

    async def room(self, user: str, provider: str, **changes: Any) -> str:
        """A room of a new listing."""
        listing = await self.listing(user, provider, **changes)
        [(room,)] = await self.rows("SELECT id::text FROM rooms WHERE listing_id = :l", l=listing)
        return str(room)

    async def package(self, user: str, listing: str, **changes: Any) -> str:
        """A hotel package of all rooms of a listing."""
        package = new_id()
        found = await self.rows("SELECT id::text FROM rooms WHERE listing_id = :l", l=listing)
        rooms = [{"room_id": room, "units": 1} for (room,) in found]
        values = {**PACKAGE, **changes}
        await self.do(packages.create_package, user, package, listing, values, rooms)
        return package

    async def tour(self, user: str, provider: str, **changes: Any) -> str:
        tour = new_id()
        await self.do(packages.create_tour, user, tour, provider, {**TOUR, **changes}, {})
        return tour

    async def everything(self, user: str) -> dict[str, str]:
        """Something of every kind of a user's, by what names it in paths; nothing is published."""
        made = await self.do(providers.create_provider, user, new_id(), ProviderType.HOTEL_MANAGER)
        provider = made.row.id
        listing = await self.listing(user, provider)
        [(room, plan)] = await self.rows(
            "SELECT r.id::text, p.id::text FROM rooms r JOIN rate_plans p ON p.room_id = r.id"
            " WHERE r.listing_id = :l",
            l=listing,
        )
        operator = await self.do(
            providers.create_provider, user, new_id(), ProviderType.TOUR_OPERATOR
        )
        tour = await self.tour(user, operator.row.id)
        day = dt.date(2031, 6, 1)
        of_tour = {"time": None, "seats": None, "price": None}
        await self.do(
            departures.make_departures, user, tour, day, day + dt.timedelta(days=1), None, **of_tour
        )
        [(departure,)] = await self.rows(
            "SELECT id::text FROM tour_departures WHERE package_id = :t", t=tour
        )
        return {
            "provider_id": provider,
            "listing_id": listing,
            "room_id": room,
            "rate_plan_id": plan,
            "package_id": await self.package(user, listing),
            "tour_id": tour,
            "departure_id": departure,
        }

    async def publish(self, kind: Offer, user: str, offer: str) -> None:
        await self.do(publishing.publish, kind, user, offer, ANY)

    async def offers(self, provider: str) -> dict[str, tuple[str, str | None]]:
        """Every offer of a provider: its status, and who paused it."""
        found = await self.rows(
            " UNION ALL ".join(
                f"SELECT id::text, status, paused_by FROM {table} WHERE provider_id = :p"
                for table in ("listings", "hotel_packages", "tour_packages")
            ),
            p=provider,
        )
        return {offer: (status, by) for offer, status, by in found}

    async def take(self, room: str, night: dt.date, *, held: int = 0, sold: int = 0) -> None:
        """Count units of a night as held and sold, as the stock does."""
        await self.execute(
            "UPDATE inventory_nights SET held = held + :held, sold = sold + :sold"
            " WHERE room_id = :room AND night = :night",
            held=held,
            sold=sold,
            room=room,
            night=night,
        )

    async def sell(self, *, room: str | None = None, departure: str | None = None) -> str:
        """Claim something for a new booking, as sold; returns the booking's id."""
        booking = new_id()
        await self.execute(
            "INSERT INTO bookings (id, reference, caller_id, idempotency_key, fingerprint, run_id,"
            " trip_option_id, traveler_id, state, version, currency, accepted_total, captured,"
            " refunded, paid_by_hand, goodwill, grants, travelers, contact, warnings, created_at,"
            " updated_at) VALUES (:id, :ref, gen_random_uuid(), :ref, 'f', 'r', 't', 'trv',"
            " 'PENDING', 1, 'USD', 1, 0, 0, 0, 0, '[]', '[]', CAST(:contact AS jsonb), '[]',"
            " now(), now())",
            id=booking,
            ref=booking,
            contact='{"email": "ada@example.org"}',  # operators' lists show every booking's
        )
        await self.execute(
            "INSERT INTO stock_claims (booking_id, item, version, line, holder_id, room_id,"
            " nights, departure_id, units, state) VALUES (:id, 1, 1, 1, :id, :room,"
            " CASE WHEN CAST(:room AS uuid) IS NOT NULL THEN"
            " daterange('2031-06-01', '2031-06-03') END, :departure, 1, 'SOLD')",
            id=booking,
            room=room,
            departure=departure,
        )
        return booking

    # -- transactions side by side -------------------------------------------------------------

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncSession]:
        """A transaction that the test commits, or leaves to be rolled back."""
        async with self.sessions() as session:
            yield session

    async def waits(self, task: "asyncio.Task[Any]", session: AsyncSession) -> None:
        """Return when a task waits for what this transaction has locked."""
        pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY(pg_blocking_pids(pid))"
            " AND datname = current_database()"
        )
        while not task.done():
            if (await self.rows(query, pid=pid))[0][0]:
                return
            await asyncio.sleep(0.005)
        task.result()
        raise AssertionError("it has not waited")
