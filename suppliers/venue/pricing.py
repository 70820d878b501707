"""The pricing service: what a slot costs. It only answers; nothing is changed there."""

from typing import Literal

from models.core.venues import Price, SlotWish
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient
from suppliers.venue import errors, requests, responses


class Pricing:
    """Every method makes one request, and reads its answer strictly."""

    def __init__(self, http: JsonClient) -> None:
        self._http = http

    async def price(
        self, asked: SlotWish, route: Literal["calculate", "estimate"]
    ) -> tuple[JsonAnswer, responses.Priced, Price]:
        """Return what a slot costs: ``calculate`` binds the service for a while.

        Raises:
            InvalidRequest, Unavailable: there is no price for it.
            Retryable: no answer, or one about another slot.
        """
        answer = await self._http.call(
            "POST",
            f"/api/v1/pricing/{route}",
            operation="quote",
            changes=False,
            body=requests.priced(asked),
        )
        priced = errors.expect_ok(answer).parse(responses.Priced)
        try:
            price, wrong = priced.price(), priced.slot.other_than(asked)
        except ValueError as error:
            raise responses.contradicts(answer, error) from error
        if wrong:
            raise answer.unsettled(
                f"the price is of another slot: {'; '.join(wrong)}", code="malformed_answer"
            )
        return answer, priced, price

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()
