"""The activity that verifies and prices a whole trip. It reserves and changes nothing."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from temporalio import activity

from activities.core.attempts import REFUSED, Intent, log_call
from activities.core.failures import application_error, fenced, problem
from activities.suppliers.health import Down, SupplierHealth
from activities.suppliers.ordered_items import OrderedItem, load, supplier_of
from models import calls
from models.bookings.messages import BookingRef
from models.bookings.problems import RETRY_AFTER, Code, Problem
from models.bookings.repository import save_quotes
from models.core.database import Sessions, direct
from models.core.errors import Fault, InvalidRequest, NoExchangeRate, Refusal
from models.core.exchange import ExchangeRate, NoRateError, RateTable
from models.core.supply import Quote
from models.suppliers.listings import title_of
from models.trips.messages import ItemsQuoted
from suppliers.core.protocol import Sells
from suppliers.exchange_rates.ecb import NAME as RATES
from suppliers.exchange_rates.ecb import RateSource


class QuoteActivities:
    """Asks suppliers for prices, and the rate source what they are in the payment's currency."""

    def __init__(
        self,
        sessions: Sessions,
        suppliers: Mapping[str, Sells[Any, Any]],
        rates: RateSource,
        health: SupplierHealth,
    ) -> None:
        self._sessions = sessions
        self._suppliers = suppliers
        self._rates = rates
        self._health = health

    @activity.defn(name=calls.QUOTE_ITEMS.name)
    async def quote_items(self, ref: BookingRef) -> ItemsQuoted:
        """Verify and price all items at their suppliers, all at once.

        What is priced in another currency than the payment is converted by one day's rates, the
        same for the whole trip, and the rate is kept with the quote.

        Raises:
            ApplicationError: a supplier or the rate source did not answer (retryable), or a
                successor of the worker has quoted them (not retryable).
        """
        answer = await self.verify(await load(self._sessions, ref.booking_id))
        if not answer.problems:
            with fenced():
                async with direct(self._sessions) as connection:
                    await save_quotes(connection, ref.booking_id, answer.quotes, ref.fence)
        return answer.figures()

    async def verify(self, items: list[OrderedItem]) -> ItemsQuoted:
        """Verify and price items at their suppliers, all at once; nothing is stored.

        Raises:
            ApplicationError: a supplier or the rate source did not answer (retryable).
        """
        # Early and without asking anybody: nothing is held or charged for what cannot be had.
        if down := await self._health.turned_away({item.component.supplier for item in items}):
            return ItemsQuoted(problems=[_turned_away(down, items)])
        foreign = next((item for item in items if item.foreign), None)
        table = None
        if foreign is not None:
            # Before anybody is asked: without rates no price can be accepted.
            try:
                table = await self._rates.latest()
            except Refusal as refusal:
                found = problem(refusal, step="validate", item=foreign.number)
                return ItemsQuoted(problems=[found])
            except Fault as fault:
                raise application_error(fault) from fault
        asked = time.monotonic()
        answers = await asyncio.gather(
            *(self._quote(item, table) for item in items), return_exceptions=True
        )
        quotes: dict[int, Quote] = {}
        problems: list[Problem] = []
        for item, answer in zip(items, answers, strict=True):
            match answer:
                case Quote():
                    quotes[item.number] = answer
                case Refusal():
                    log_call(_intent(item), REFUSED, asked, answer)
                    problems.append(problem(answer, step="validate", item=item.number))
                case Fault():
                    raise application_error(answer) from answer
                case BaseException():
                    raise answer
        return ItemsQuoted(quotes=quotes, problems=problems)

    async def _quote(self, item: OrderedItem, table: RateTable | None) -> Quote:
        rate = _rate(item, table) if item.foreign else None
        supplier = supplier_of(item, self._suppliers)
        quote = await supplier.quote(item.component, item.party)
        if quote.price.currency != item.own_currency:
            raise InvalidRequest(
                f"{supplier.name} quoted in {quote.price.currency}, not {item.own_currency}",
                provider=supplier.name,
                operation="quote",
            )
        try:
            return quote.payable_by(rate)
        except ValueError as error:
            raise NoExchangeRate(
                f"{quote.price}, converted at {rate}, is more than an amount can be",
                provider=RATES,
                operation="quote",
                code="amount_out_of_range",
            ) from error


def _intent(item: OrderedItem) -> Intent:
    # A quote touches nothing: it has no key, and no row in the attempt log.
    return Intent(
        item.booking_id, item.component.supplier, "quote", "", item=item.number, names=item.names
    )


def _turned_away(down: Down, items: list[OrderedItem]) -> Problem:
    item = next(item for item in items if item.component.supplier == down.supplier)
    return Problem(
        code=Code.SUPPLIER_DOWN,
        step="validate",
        message=f"{title_of(down.supplier)} is not answering at the moment; nothing was booked or"
        " charged, try again in a few minutes",
        item=item.number,
        details={"supplier": down.supplier, RETRY_AFTER: down.retry_after},
    )


def _rate(item: OrderedItem, table: RateTable | None) -> ExchangeRate:
    assert table is not None, "asked for a rate before the rates are read"
    try:
        return table.between(item.own_currency, item.currency)
    except NoRateError as error:
        raise NoExchangeRate(
            str(error), provider=RATES, operation="quote", code="not_published"
        ) from error
