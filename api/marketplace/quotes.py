"""``/market/v1/quotes``: prices that stand for fifteen minutes."""

from typing import Annotated

from fastapi import Body, Path
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import TheOperation, keyed
from api.core.principals import Principal
from api.marketplace.quote_answers import QuoteAnswer, quote_answer
from api.marketplace.quote_bodies import QuoteBody
from api.openapi import READING, WRITING, problems, shown
from models.core.keys import parse_booking_id
from models.marketplace.quotes.errors import QuoteNotFound
from models.marketplace.quotes.messages import Asker
from models.marketplace.quotes.repository import Quote, find_quote, make_quote

router = Audience(Policy.MARKET, prefix="/market/v1/quotes", tags=["market"])

_QUOTES = shown("STAY_QUOTE", "TOUR_QUOTE")


@router.post(
    "",
    status_code=201,
    operation_id="createQuote",
    response_model=QuoteAnswer,
    response_model_exclude_unset=True,
    summary="Price a stay, a hotel package or seats of a tour",
    responses={
        201: {"description": "The quote: it stands until it expires.", "content": _QUOTES},
        **problems(*WRITING, 409),
    },
)
@keyed()
async def create(
    context: Context,
    asking: Asking,
    operation: TheOperation,
    body: Annotated[QuoteBody, Body()],
) -> QuoteAnswer:
    """Reckon what it costs, line by line, and on which terms; nothing is held yet.

    The price stands for 15 minutes, whatever becomes of prices, plans and taxes meanwhile; whether
    there is room is asked again when it is held.
    """
    wish, asker = body.wish(), _asker(asking)
    quote_id = operation.on("quote")

    async def make(session: AsyncSession) -> Quote:
        if operation.repeated:
            try:
                return await find_quote(session, quote_id, asker)
            except QuoteNotFound:
                pass  # the first attempt came to nothing
        return await make_quote(session, quote_id, asker, wish)

    return quote_answer(await context.record.write(make))


@router.get(
    "/{quote_id}",
    operation_id="getQuote",
    response_model=QuoteAnswer,
    response_model_exclude_unset=True,
    summary="A quote",
    responses={
        200: {"description": "The quote as it was made.", "content": _QUOTES},
        **problems(*READING, 422),
    },
)
async def get(
    context: Context,
    asking: Asking,
    quote_id: Annotated[str, Path(description="The quote's id.")],
) -> QuoteAnswer:
    """Return a quote, of whoever asked for it alone; its `status` tells whether it still stands."""
    wanted = parse_booking_id(quote_id)
    if wanted is None:
        raise QuoteNotFound
    asker = _asker(asking)
    return quote_answer(
        await context.record.look(lambda connection: find_quote(connection, wanted, asker))
    )


def _asker(asking: Principal) -> Asker:
    return Asker(subject_id=asking.id, user_id=asking.user_id)
