"""People who hold and buy what a provider offers, on the real record."""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.claims import HoldLostError
from models.bookings.due import lock_booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.moving import move_alone
from models.bookings.repository import StaleVersionError, load_booking, record_transition
from models.core import keys
from models.core.database import repeated
from models.core.people import Contact
from models.kinds import HOOKS
from models.marketplace.providers.messages import Decision
from models.marketplace.providers.reviews import review
from models.marketplace.stock.claims import expire_overdue, pools_of
from models.marketplace.stock.limits import HoldLimits
from models.marketplace.stock.messages import HoldRequest, OpenHold
from models.marketplace.stock.moves import move, take_again
from models.marketplace.stock.opening import open_hold
from models.marketplace.stock.refusals import StockRefused
from models.marketplace.stock.steps import confirmed
from models.marketplace.stock.taking import Line, lines_of
from models.marketplace.stock.wanted import CLAIMS, Wanted
from models.marketplace.versions import Expected
from models.operations.invariants import ALL_TIME, INVARIANTS, Violation, find_violations
from tests.ledger.conftest import Books
from tests.marketplace.stock.offers import Offers

Answer = TypeVar("Answer")
S = BookingState
ANY_NUMBER = HoldLimits(open_holds=10_000, share_percent=100, share_units=10_000)
ROUTE = "POST /market/v1/quotes/{quote_id}/hold"

_QUOTE = """
INSERT INTO quotes (id, subject_id, user_id, product_type, product_id, request, snapshot, sha256,
    total, currency, created_at, expires_at)
VALUES (:id, :subject, :user, :kind, :product, CAST(:request AS jsonb), CAST(:snapshot AS jsonb),
    :sha, :total, 'EUR', clock_timestamp() - interval '1 minute',
    clock_timestamp() + make_interval(secs => :seconds))
"""


async def _record(step: Transition, session: AsyncSession) -> int:
    return await record_transition(session, step, HOOKS)


class Market(Offers):
    """A provider's offers, and who buys them."""

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self.wanted: dict[str, tuple[str, str, Wanted]] = {}
        """Kind, product, and what was wanted of it: of each booking."""
        self.deadlocks = 0

    async def transaction(self, work: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
        """Do something in a transaction, as an activity does."""

        async def once() -> Answer:
            try:
                async with self.books.sessions.begin() as session:
                    return await work(session)
            except DBAPIError as error:
                self.deadlocks += getattr(error.orig, "sqlstate", None) == "40P01"
                raise

        return await repeated(once)

    # -- quotes and holds ----------------------------------------------------------------------

    async def request(
        self,
        wanted: Wanted,
        *,
        product: tuple[str, str] | None = None,
        user: str | None = None,
        caller: str | None = None,
        total: int = 0,
        hold_seconds: int = 900,
        quoted_seconds: int = 900,
    ) -> HoldRequest:
        """Quote what is wanted, for a user of its own, and return the request to hold it."""
        user = user or (None if caller else str(uuid.uuid4()))
        subject = caller or str(user)
        of = wanted.departure.departure_id if wanted.departure else wanted.room_nights[0].room_id
        kind, product_id = product or self.products[of]
        quote, key = str(uuid.uuid4()), str(uuid.uuid4())
        snapshot = json.dumps({"price": {"total": total, "currency": "EUR", "lines": []}})
        await self.do(
            _QUOTE,
            id=quote,
            subject=subject,
            user=user,
            kind=kind,
            product=product_id,
            request=json.dumps({CLAIMS: wanted.model_dump(mode="json")}),
            snapshot=snapshot,
            sha=hashlib.sha256(snapshot.encode()).digest(),
            total=total,
            seconds=quoted_seconds,
        )
        booking = keys.booking_id(subject, key, route=ROUTE)
        self.wanted[booking] = (kind, product_id, wanted)
        return HoldRequest(
            booking_id=booking,
            booking_reference=keys.booking_reference(booking),
            caller_id=subject,
            user_id=user,
            idempotency_key=key,
            fingerprint="test",
            quote_id=quote,
            traveler_id=subject,
            travelers=[{"firstName": "Ada", "lastName": "Okafor"}],
            contact=Contact(email="ada@example.org"),
            hold_seconds=hold_seconds,
        )

    async def open_hold(
        self, request: HoldRequest, limits: HoldLimits = ANY_NUMBER
    ) -> Booking | None:
        """Hold as an activity does; None: it was held before."""
        opening = OpenHold(request=request, run="test")
        opened = await self.transaction(lambda s: open_hold(s, opening, limits=limits))
        return opened.booking

    async def load(self, booking_id: str) -> Booking:
        """Return a booking on record."""
        booking = await self.transaction(lambda s: load_booking(s, booking_id))
        assert booking is not None
        return booking

    async def hold(
        self, wanted: Wanted, limits: HoldLimits = ANY_NUMBER, **options: Any
    ) -> Booking:
        """Quote and hold what is wanted; what is overdue of it is free."""
        await self.transaction(lambda s: expire_overdue(s, pools_of(lines_of(wanted))))
        booking = await self.open_hold(await self.request(wanted, **options), limits)
        assert booking is not None
        return booking

    async def held(self, wanted: Wanted, **options: Any) -> Booking | StockRefused:
        """The same; a refusal is returned."""
        try:
            return await self.hold(wanted, **options)
        except StockRefused as refused:
            return refused

    async def come_to(self, booking: Booking, *states: BookingState) -> Booking:
        """Record transitions, as a workflow does; a repeat of one changes nothing."""
        for state in states:
            following = booking.model_copy(deep=True, update={"state": state})
            following.updated_at = dt.datetime.now(dt.UTC)
            step = Transition(booking=following, from_state=booking.state, who="test", why="test")
            following.version = await self.transaction(partial(_record, step))
            booking = following
        return booking

    async def buy(self, booking: Booking) -> Booking | HoldLostError:
        """Pay for a hold: PAYMENT_PENDING, sold, confirmed."""
        try:
            paid = await self.come_to(booking, S.PAYMENT_PENDING, S.PROCESSING)
        except HoldLostError as lost:
            return lost
        return await self.come_to(confirmed(paid, dt.datetime.now(dt.UTC)), S.CONFIRMED)

    async def bought(self, wanted: Wanted, **options: Any) -> Booking:
        """Hold and buy what is wanted."""
        booking = await self.buy(await self.hold(wanted, **options))
        assert isinstance(booking, Booking), booking
        return booking

    async def end(self, booking: Booking, state: BookingState) -> bool:
        """Move a booking as it stands; False: it has moved on, or cannot move there."""

        async def work(session: AsyncSession) -> bool:
            await lock_booking(session, booking.id)
            stored = await load_booking(session, booking.id)
            assert stored is not None
            if stored.state in (state, S.EXPIRED, S.CANCELLED, S.COMPLETED):
                return False
            await move_alone(session, HOOKS, stored, state, who="test", why="a test")
            return True

        try:
            return await self.transaction(work)
        except StaleVersionError:
            return False

    async def move(self, booking: Booking, wanted: Wanted, version: int = 2) -> tuple[Line, ...]:
        """Let a booking have other nights or seats."""
        kind, product, _ = self.wanted[booking.id]

        async def work(session: AsyncSession) -> tuple[Line, ...]:
            await lock_booking(session, booking.id)
            new = {"kind": kind, "product_id": product, "wanted": wanted}
            return await move(session, booking.id, version, **new)  # type: ignore[arg-type]

        return await self.transaction(work)

    async def take_again(self, booking: Booking) -> None:
        """Hold once more what a booking held."""
        kind, product, wanted = self.wanted[booking.id]
        until = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10)

        async def work(session: AsyncSession) -> None:
            await lock_booking(session, booking.id)
            new = {"kind": kind, "product_id": product, "wanted": wanted}
            await take_again(session, booking.id, until, **new)  # type: ignore[arg-type]

        await self.transaction(work)

    async def sweep(self) -> int:
        """Give back what is overdue, as each worker does every ten seconds."""
        return await self.transaction(expire_overdue)

    async def suspend(self) -> int:
        """Suspend the provider and end its holds; returns how many there were."""

        async def work(session: AsyncSession) -> int:
            decided = (self.provider, Decision.SUSPEND, "a test wants it", Expected(None))
            return (await review(session, "admin", *decided, hooks=HOOKS)).holds

        return await self.transaction(work)

    # -- what is on record ---------------------------------------------------------------------

    async def claims(self, booking: Booking) -> list[tuple[int, str]]:
        """Return version and state of a booking's claims."""
        return await self.do(
            "SELECT version, state FROM stock_claims WHERE booking_id = :id ORDER BY version, line",
            id=booking.id,
        )

    async def state(self, booking: Booking) -> str:
        """Return a booking's state."""
        ((state,),) = await self.do("SELECT state FROM bookings WHERE id = :id", id=booking.id)
        return str(state)

    async def age(self, booking: Booking, by: dt.timedelta = dt.timedelta(hours=1)) -> None:
        """Let a booking's hold end so much earlier."""
        await self.do(
            "UPDATE stock_claims SET expires_at = expires_at - CAST(:by AS interval)"
            " WHERE booking_id = :id AND state = 'HELD'",
            id=booking.id,
            by=by,
        )

    async def violations(self) -> list[Violation]:
        """Everything that is wrong about the stock of this provider."""
        mine = {*self.products, *self.wanted}
        found: list[Violation] = []
        async with self.books.sessions() as session:
            for invariant in INVARIANTS:
                for query in invariant.queries:
                    if "stock_claims c" in query.sql or "FROM stock_claims" in query.sql:
                        found += await find_violations(
                            session, query, invariant.name, since=ALL_TIME, also=[]
                        )
        return [one for one in found if one.subject.split()[0] in mine]
