"""What listings, packages and tours have in common: how they are published, paused and listed."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.context import AppContext, Asking, Context
from api.core.cursors import cursor_of, page_of, place_of
from api.core.filters import Cursor
from api.core.principals import Principal
from api.marketplace.edge import IfMatch, expected, tagged, user_of
from models.marketplace.catalogue.lifecycle import OfferStatus
from models.marketplace.catalogue.ownership import Row
from models.marketplace.catalogue.repository import list_of
from models.marketplace.versions import Expected

Answer = TypeVar("Answer", bound=BaseModel)

Wanted = Annotated[OfferStatus | None, Query(alias="status", description="In this status.")]
Limit = Annotated[int, Query(ge=1, le=100, description="At most so many.")]
Behind = Annotated[Cursor | None, Query(description="`next_cursor` of the page before this one.")]


@dataclass(frozen=True)
class Move:
    """A request that publishes, pauses or archives something."""

    context: AppContext
    user: str
    expected: Expected
    response: Response

    async def do(
        self,
        how: Callable[[AsyncSession, type[Row], str, str, Expected], Awaitable[Row]],
        kind: type[Row],
        offer_id: uuid.UUID,
        told: Callable[[Row], Answer],
    ) -> Answer:
        """Do it (``how``) to an offer, and return the offer as it is then."""
        row = await self.context.record.write(
            lambda session: how(session, kind, self.user, str(offer_id), self.expected)
        )
        answer = told(row)
        tagged(self.response, row.version, answer)
        return answer


async def _moving(
    context: Context, principal: Asking, response: Response, if_match: IfMatch = None
) -> Move:
    return Move(context, user_of(principal), expected(None, if_match), response)


Moving = Annotated[Move, Depends(_moving)]


async def page(
    context: AppContext,
    principal: Principal,
    request: Request,
    kind: type[Row],
    provider_id: object,
    *,
    status: OfferStatus | None,
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[Row], str | None]:
    """Return a page of a provider's offers, newest first, and the cursor of the next one."""
    before = None if cursor is None else place_of(request, principal, cursor)
    user = user_of(principal)

    async def find(session: AsyncSession) -> Sequence[Row]:
        return await list_of(
            session,
            kind,
            user,
            str(provider_id),
            status=status,
            before=before,
            limit=limit + 1,
        )

    shown, last = page_of(await context.record.read(find), limit)
    if last is None:
        return shown, None
    at: Any = last
    return shown, cursor_of(request, principal, (at.created_at, at.id))
