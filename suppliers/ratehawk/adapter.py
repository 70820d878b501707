"""Hotels: RateHawk, ETG API v3 (providers.md §3).

A quote is a prebooked rate. Booking is a form under our own ``partner_order_id``, which books
nothing, and a ``finish``, which starts an order that is decided later: until the booking cut-off
it is PENDING, and ``finish/status`` alone says what became of it (``order/info`` lags behind and
only adds details).

What makes repeating ``book`` safe: one partner_order_id makes one order at most, for a second
``finish`` is refused as ``double_booking_finish`` while the first one stands or runs. So an
attempt that finds its form there already finishes that very form. Another id (``…-r2``, ``-r3``,
ten at most) is used only after RateHawk has answered about the form itself that it can book nothing
any more (expired, not found): an unanswered ``finish`` that is still under way cannot then make a
second order. ``find`` asks about all of these ids.

Payment is by ``deposit``: the traveller pays us, and no card number exists anywhere.
"""

import base64
import datetime as dt
from typing import Any, Final

from models.core.errors import AuthConfig, Duplicate, PriceChanged, ProviderError, Unavailable
from models.core.money import Money
from models.core.supply import (
    Cancellation,
    CancelQuote,
    Capabilities,
    Quote,
    Reservation,
    ReservationStatus,
    TripComponent,
)
from settings import Settings
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient
from suppliers.core.limiter import RateLimits
from suppliers.core.protocol import Party
from suppliers.core.travelers import Reached
from suppliers.ratehawk import errors, rates, requests, responses
from suppliers.ratehawk.orders import Orders, Standing, confirmed, looked_at, not_cancelled
from suppliers.ratehawk.quotes import Quotes

NAME: Final = requests.NAME

CUT_OFF: Final = dt.timedelta(minutes=3)
"""By when RateHawk decides an order; agreed per contract, three minutes being usual (†)."""
SANDBOX_CUT_OFF: Final = dt.timedelta(seconds=30)
_LOOK_EVERY: Final = dt.timedelta(seconds=5)
_LOOK_EVERY_IN_SANDBOX: Final = dt.timedelta(seconds=1)


class RateHawkSupplier:
    """Hotels of RateHawk, behind :class:`suppliers.core.protocol.Supplier`."""

    name = NAME

    def __init__(
        self,
        settings: Settings,
        *,
        agency_phone: str | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        """Make the adapter.

        Args:
            settings: address, credentials (``RATEHAWK_ACCOUNT`` is the key's id) and patience.
            agency_phone: given to hotels for travellers who gave no number; without either an
                order is refused as ``InvalidRequest``, for RateHawk insists on one.
            limits: keep the rates and pauses of suppliers over all processes.
        """
        url = settings.supplier_url(NAME)
        timeout = settings.supplier_timeout(NAME)
        account = settings.supplier(NAME)
        credentials = f"{account.account}:{account.api_key.get_secret_value() or 'sandbox'}"
        sandbox = settings.is_sandbox(url)
        self._agency_phone = settings.agency_phone if agency_phone is None else agency_phone
        self._cut_off = SANDBOX_CUT_OFF if sandbox else CUT_OFF
        self._look_every = _LOOK_EVERY_IN_SANDBOX if sandbox else _LOOK_EVERY
        self._http = JsonClient(
            provider=NAME,
            base_url=url,
            headers={
                "Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}",
                "Accept": "application/json",
            },
            timeout=timeout,
            # Limits are agreed per contract and endpoint and told in every answer (``debug``);
            # whoever meets one gets Retryable with the pause.
            rate=None,
            limits=limits,
        )
        self._quotes = Quotes(self._ask)
        self._orders = Orders(self._ask)
        self.capabilities = Capabilities(
            repeats=True,  # one order for each partner_order_id; see above
            # Not needed for safety: at the real one, it saves a repeat where a look-up would do.
            repeat_after=dt.timedelta(seconds=0 if sandbox else 60),
            timeout=dt.timedelta(seconds=timeout),
        )

    @staticmethod
    def check(
        item: TripComponent, party: Party, agency_phone: str
    ) -> tuple[requests.Stay, Reached]:
        """Refuse what the offer as it was found tells to be wrong; see the registry."""
        stay = requests.read_offer(item, party, "quote")
        return stay, requests.reached(party, agency_phone, "quote")

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Find the rate for our nights and guests, and prebook it; see the protocol."""
        stay, reached = self.check(item, party, self._agency_phone)
        return await self._quotes.quote(stay, reached)

    # -- book -------------------------------------------------------------------------------

    async def book(
        self, item: TripComponent, quote: Quote, party: Party, reference: str
    ) -> Reservation:
        """Order what was prebooked, under our reference; see the protocol.

        Mostly answers PENDING: one look at the order's status is all that is done here.
        """
        stay = requests.read_offer(item, party, "book")
        asked = requests.read_quote(quote)
        gone = ""
        for identity in requests.identities(reference):
            order_id = await self._form(stay, quote.price, asked.book_hash, identity)
            before, gone = gone, await self._finish(stay, quote.price, party, identity)
            if not gone:
                return await self._begun(stay, quote.price, reference, identity, order_id)
            if before == gone == errors.NOT_FOUND:
                break  # ``find`` bridges one id that RateHawk never knew, not two
        raise AuthConfig(
            "RateHawk takes none of our order forms; its account manager must look at our contract",
            provider=NAME,
            operation="book",
            code=gone,
        )

    async def _form(
        self, stay: requests.Stay, price: Money, book_hash: str, identity: str
    ) -> str | None:
        """See to it that there is a form; None when there was one, whose order is not begun.

        Raises:
            Duplicate: there is an order under this id, or one is being made.
            Refusal: there is a form, and its order has failed for good; or there can be none.
            Retryable: no answer. A form books nothing.
        """
        asked = await self._ask(
            "/hotel/order/booking/form/", requests.form(identity, book_hash), "book"
        )
        if asked.error in errors.FORM_TAKEN:
            standing = await self._orders.standing(identity, "book")
            if standing.alive:
                raise asked.answer.failure(Duplicate, "our order exists already", code=asked.error)
            if standing.failed:
                raise standing.refusal()
            return None
        answer = asked.expect_ok(errors.AT_FORM)
        form = answer.parse(rates.Form).data
        if form.partner_order_id != identity:
            raise answer.unsettled("RateHawk answered about another order")
        due = form.deposit(answer, price.currency)
        if due is None:
            raise answer.failure(Unavailable, f"{stay.name} cannot be paid by the agency")
        if due != price:
            raise answer.failure(
                PriceChanged, f"{stay.name} now costs {due}, not {price}", new_price=due
            )
        return form.order_id

    async def _finish(self, stay: requests.Stay, price: Money, party: Party, identity: str) -> str:
        """Begin the order; return why the form can book nothing any more, "" when it has begun.

        Raises:
            Refusal: nothing was begun.
            UnknownOutcome: it may have begun.
        """
        asked = await self._ask(
            "/hotel/order/booking/finish/",
            requests.finish(stay, price, party, identity, self._agency_phone),
            "book",
            changes=True,
        )
        if asked.error in errors.FORM_GONE:
            return asked.error
        if asked.error != errors.FINISHED_BEFORE:
            asked.expect_ok(errors.AT_FINISH)
        return ""

    async def _begun(
        self, stay: requests.Stay, price: Money, reference: str, identity: str, order_id: str | None
    ) -> Reservation:
        try:
            standing: Standing | None = await self._orders.standing(identity, "book")
        except ProviderError:
            standing = None  # the order has begun, whatever became of this look
        if standing is not None and standing.failed:
            raise standing.refusal()
        pending = self._pending(reference, identity, price).model_copy(
            update={
                "confirmation_code": order_id or identity,
                "provider": stay.name,
                "details": {
                    "hid": stay.hid,
                    "checkin": stay.checkin.isoformat(),
                    "checkout": stay.checkout.isoformat(),
                    "guests": stay.people,
                    "room": stay.room,
                },
            }
        )
        done = standing is not None and standing.done
        return confirmed(pending) if done else pending

    def _pending(self, reference: str, identity: str, price: Money) -> Reservation:
        now = dt.datetime.now(dt.UTC)
        return Reservation(
            reference=reference,
            supplier_id=identity,
            confirmation_code=identity,
            provider="RateHawk",
            price=price,
            status=ReservationStatus.PENDING,
            settles_by=now + self._cut_off,
            look_after=now + self._look_every,
        )

    # -- find and look ----------------------------------------------------------------------

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:  # noqa: ARG002
        """Ask about all ids that may stand for our reference; see the protocol.

        A form without an order and an order that has failed are "not there". Where ``order/info``
        does not show the order yet, the reservation is of 0 with ``details["price_stated"]``
        false; the order itself is never at another price than the one that ``finish`` named.
        """
        unknown = 0
        for identity in requests.identities(reference):
            standing = await self._orders.standing(identity, "find")
            unknown = unknown + 1 if standing.not_found else 0
            if unknown == 2:  # one that RateHawk never knew may lie between; see ``book``
                return None
            if standing.alive:
                blank = self._pending(reference, identity, Money(amount=0, currency="USD"))
                found = blank.model_copy(update={"details": {"price_stated": False}})
                return await self._orders.settled(found, "find") if standing.done else found
        return None

    async def look(self, reservation: Reservation) -> Reservation:
        """Return the order as it stands now; see the protocol.

        An order that RateHawk does not know is waited for until ``settles_by``: the ``finish``
        that was never answered may still arrive.
        """
        standing = await self._orders.standing(reservation.supplier_id, "look")
        if standing.done:
            return await self._orders.settled(reservation, "look")
        return looked_at(reservation, standing, self._look_every)

    # -- cancel -----------------------------------------------------------------------------

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Read the order's own policies; see the protocol. Not visible yet: no fee is known."""
        shown = await self._orders.shown(reservation.supplier_id, "cancel_quote")
        if shown is None:
            return CancelQuote()
        answer, order = shown
        return order.cancel_quote(answer, dt.datetime.now(dt.UTC))

    async def cancel(self, reservation: Reservation, key: str) -> Cancellation:  # noqa: ARG002
        """Cancel an order that is completed; see the protocol. There is no idempotency key.

        An order that is still being booked cannot be cancelled: that is ``Retryable`` until it is
        decided. What RateHawk does not find is looked at, never taken for cancelled.
        """
        identity = reservation.supplier_id
        asked = await self._ask(
            "/hotel/order/cancel/", {"partner_order_id": identity}, "cancel", changes=True
        )
        if asked.error in (errors.NOT_FOUND, "order_not_cancellable"):
            shown = await self._orders.shown(identity, "cancel")
            if shown is not None and shown[1].standing is not ReservationStatus.CONFIRMED:
                return Cancellation(already=True, fee=shown[1].payable(shown[0]))
        if asked.error == errors.NOT_FOUND:
            standing = await self._orders.standing(identity, "cancel")
            return not_cancelled(reservation, standing, self._look_every)
        answer = asked.expect_ok(errors.AT_CANCEL)
        done = answer.peek(responses.Cancelled)
        return Cancellation(fee=done.fee(answer) if done else None)

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def _ask(
        self, path: str, body: dict[str, Any], operation: str, *, changes: bool = False
    ) -> errors.ApiAnswer:
        answer: JsonAnswer = await self._http.call(
            "POST", path, operation=operation, changes=changes, body=body
        )
        return errors.read(answer)
