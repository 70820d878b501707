"""What happens at Stripe without a call of a client: the sandbox's controls for it.

The dashboard's operator cancels, the card holder disputes, the bank sends a refund back, events
arrive twice and in any order. Refunding in the dashboard is an ordinary call to ``/v1/refunds``.
"""

from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from sandbox.stripe import disputes, intents, refunds
from sandbox.stripe.account import Account
from sandbox.stripe.deliveries import Disturbance
from sandbox.stripe.errors import ApiError
from sandbox.stripe.objects import Document


class WebhookOrder(BaseModel):
    """How events are delivered; see :class:`sandbox.stripe.deliveries.Disturbance`."""

    model_config = ConfigDict(extra="forbid")

    duplicate: int = Field(default=1, ge=1, le=100)
    shuffle: bool = False
    delay: float = Field(default=0.0, ge=0, le=600)
    seed: int = 0


class _Route(APIRoute):
    """A route that answers errors in Stripe's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except ApiError as error:
                return error.answer().response()

        return handle


def router(account: Account) -> APIRouter:
    """Return the routes under ``/_sandbox/stripe``."""
    routes = APIRouter(prefix="/_sandbox/stripe", route_class=_Route)
    _webhook_routes(routes, account)

    def shown(document: Document) -> Response:
        return JSONResponse(account.show(document))

    @routes.post("/payment_intents/{identifier}/cancel")
    async def cancel(
        identifier: str,
        reason: Literal["fraudulent", "duplicate", "abandoned", "requested_by_customer"] = (
            "fraudulent"
        ),
    ) -> Response:
        intent = account.get("pi", identifier)
        done = intents.cancel(account, intent, {"cancellation_reason": reason})
        account.world.log.append(
            "stripe", "cancel", done.reference, done.effect, 0, **done.extra, by="dashboard"
        )
        return shown(intent)

    @routes.post("/payment_intents/{identifier}/dispute")
    async def dispute(
        identifier: str,
        amount: int | None = Query(default=None, ge=1),
        enquiry: bool = False,
    ) -> Response:
        charge = intents.charge_of(account, account.get("pi", identifier))
        return shown(disputes.opened(account, charge, amount, enquiry=enquiry))

    @routes.post("/disputes/{identifier}")
    async def close(identifier: str, outcome: Literal["won", "lost"]) -> Response:
        found = account.get("du", identifier, "dispute")
        disputes.closed(account, found, outcome)
        return shown(found)

    @routes.post("/refunds/{identifier}/fail")
    async def fail(identifier: str, reason: str = "expired_or_canceled_card") -> Response:
        found = account.get("re", identifier, "refund")
        refunds.failed(account, found, reason)
        return shown(found)

    return routes


def _webhook_routes(routes: APIRouter, account: Account) -> None:
    deliveries = account.events.deliveries

    def state() -> dict[str, Any]:
        kept = asdict(deliveries.disturbance)
        return {name: kept[name] for name in WebhookOrder.model_fields}

    @routes.get("/webhooks")
    async def disturbance() -> dict[str, Any]:
        return state()

    @routes.post("/webhooks")
    async def disturb(order: WebhookOrder) -> dict[str, Any]:
        deliveries.disturbance = Disturbance(**order.model_dump())
        return state()

    @routes.delete("/webhooks")
    async def calm() -> dict[str, Any]:
        deliveries.calm()
        return state()
