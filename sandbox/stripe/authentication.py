"""The card issuer's 3-D Secure page, at which the traveller says yes or no."""

import html
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from sandbox.stripe import charging, intents
from sandbox.stripe.account import Account, Caller
from sandbox.stripe.errors import ApiError

_PAGE = Path(__file__).parent.parent / "pages" / "authenticate.html"


def router(account: Account) -> APIRouter:
    """Return the page's routes; they need no API key, for the traveller has none."""
    routes = APIRouter(prefix="/stripe/_authenticate")

    @routes.get("/{identifier}", response_class=HTMLResponse)
    async def page(identifier: str) -> Response:
        intent = account.shelves["pi"].get(identifier)
        if intent is None:
            return HTMLResponse("<h1>No such payment</h1>", status_code=404)
        text = _PAGE.read_text(encoding="utf-8")
        waiting = intent["status"] == "requires_action"
        for name, value in {
            "amount": f"{intent['amount']} {intent['currency'].upper()} (minor units)",
            "payment": intent["id"],
            "status": intent["status"],
            "disabled": "" if waiting else "disabled",
        }.items():
            text = text.replace("{{" + name + "}}", html.escape(value))
        return HTMLResponse(text)

    @routes.post("/{identifier}")
    async def decide(
        request: Request, identifier: str, outcome: Literal["succeed", "fail"]
    ) -> Response:
        intent = account.shelves["pi"].get(identifier)
        if intent is None:
            return JSONResponse({"error": {"message": "No such payment_intent"}}, 404)
        action = intent["next_action"] or {}
        return_url = (action.get("redirect_to_url") or {}).get("return_url")
        account.caller = Caller()
        status, effect = 200, "none"
        try:
            effect = charging.authenticated(account, intent, succeeded=outcome == "succeed")
        except ApiError as error:
            # Declined after authentication: the page worked, the bank refused.
            status = error.status if error.status != 402 else 200
            if status != 200:
                return JSONResponse({"error": error.error}, status)
        finally:
            account.world.log.append(
                "stripe",
                "authenticate",
                intents.reference(intent),
                effect,
                status,
                id=identifier,
                amount=intent["amount"],
            )
        if return_url and "text/html" in request.headers.get("accept", ""):
            done = intent["status"] in ("requires_capture", "succeeded")
            query = urlencode(
                {
                    "payment_intent": identifier,
                    "payment_intent_client_secret": intent["client_secret"],
                    "redirect_status": "succeeded" if done else "failed",
                }
            )
            return RedirectResponse(
                f"{return_url}{'&' if '?' in return_url else '?'}{query}", status_code=303
            )
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(str(request.url.replace(query="")), status_code=303)
        return JSONResponse(account.show(intent))

    return routes
