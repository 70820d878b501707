"""Stripe's paths under ``/stripe/v1``, and its payments as ``/_sandbox/state`` lists them."""

from collections import Counter
from typing import Any

from fastapi import APIRouter, Request, Response

from sandbox.stripe import (
    account_routes,
    authentication,
    control,
    disputes,
    holds,
    payment_routes,
    refunds,
)
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError
from sandbox.stripe.refunds import NOT_GIVEN_BACK
from sandbox.stripe.requests import Desk, StripeRoute
from sandbox.world import World


def router(world: World) -> APIRouter:
    """Return Stripe's routes over ``world``."""
    account = Account(world)
    desk = Desk(account)
    for url, secret in world.stripe_webhooks:
        account.events.ensure_endpoint(url, secret)
    world.payments = lambda: _payments(account)
    world.starters += [lambda: holds.watch_all(account), lambda: refunds.watch_all(account)]
    routes = APIRouter(prefix="/stripe/v1", route_class=StripeRoute)
    payment_routes.add(routes, account, desk)
    account_routes.add(routes, account, desk)

    @routes.api_route("/{path:path}", methods=["GET", "POST", "DELETE"])
    async def unrecognised(request: Request, path: str) -> Response:
        raise ApiError(f"Unrecognized request URL ({request.method}: /v1/{path}).", status=404)

    whole = APIRouter()
    whole.include_router(routes)
    whole.include_router(authentication.router(account))
    whole.include_router(control.router(account))
    return whole


def _payments(account: Account) -> list[dict[str, Any]]:
    """List the payments as they are now, in Stripe's smallest units of their currencies.

    ``refunded`` leaves out refunds that gave nothing back; ``disputed`` is what disputes that are
    open or lost have taken back.
    """
    for intent in [*account.shelves["pi"].documents.values()]:
        holds.expire(account, intent)
    refunded: Counter[str] = Counter()
    for refund in account.shelves["re"].documents.values():
        if refund["status"] not in NOT_GIVEN_BACK:
            refunded[refund["payment_intent"]] += refund["amount"]
    return [
        {
            "id": intent["id"],
            "status": intent["status"],
            "amount": intent["amount"],
            "captured": intent["amount_received"],
            "refunded": refunded[intent["id"]],
            "held": intent["amount_capturable"],
            "disputed": disputes.withdrawn(account, intent["id"]),
            "created": intent["created"],
            "booking": intent["metadata"].get("booking_id"),
            "currency": intent["currency"].upper(),
        }
        for intent in account.shelves["pi"].documents.values()
    ]
