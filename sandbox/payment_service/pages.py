"""What is not the service's API: the bank's page, and controls for tests."""

import html
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel

from sandbox.payment_service import intents
from sandbox.payment_service.service import NAME, Document, Refused, Service

_PAGE = Path(__file__).parent.parent / "pages" / "authenticate.html"


class Endpoint(BaseModel):
    """Where to deliver webhooks, and the secret that signs them."""

    url: str
    secret: str


def router(service: Service) -> APIRouter:
    """Return routes that need no key: travellers and tests have none."""
    routes = APIRouter(prefix=f"/{NAME}")

    @routes.get("/_authenticate/{identifier}", response_class=HTMLResponse)
    async def show(identifier: str) -> Response:
        intent = service.intents.get(identifier)
        if intent is None:
            return HTMLResponse("<h1>No such payment</h1>", status_code=404)
        text = _PAGE.read_text(encoding="utf-8")
        for name, value in {
            "amount": f"{intent['amount']} {intent['currency']} (minor units)",
            "payment": intent["id"],
            "status": intent["status"],
            "disabled": "" if intent["status"] == "requires_action" else "disabled",
        }.items():
            text = text.replace("{{" + name + "}}", html.escape(value))
        return HTMLResponse(text)

    @routes.post("/_authenticate/{identifier}")
    async def decide(
        request: Request, identifier: str, outcome: Literal["succeed", "fail"]
    ) -> Response:
        intent = service.intents.get(identifier)
        if intent is None:
            return JSONResponse({"error": {"code": "not_found", "message": "Unknown."}}, 404)
        effect, status = "none", 200
        return_url = ((intent["next_action"] or {}).get("redirect_to_url") or {}).get("return_url")
        try:
            effect = intents.authenticated(service, intent, succeeded=outcome == "succeed")
        except Refused as refusal:
            # Declined at the page: the page worked, the bank refused.
            status = 200 if refusal.status == 402 else refusal.status
            if status != 200:
                return JSONResponse({"error": refusal.error}, status)
        finally:
            service.world.log.append(
                NAME,
                "authenticate",
                intents.known_as(intent),
                effect,
                status,
                id=identifier,
                amount=intent["amount"],
            )
        if "text/html" in request.headers.get("accept", ""):
            here = str(request.url.replace(query=""))
            return RedirectResponse(return_url or here, status_code=303)
        return JSONResponse(intent)

    @routes.post("/_webhooks", status_code=201)
    async def add(endpoint: Endpoint) -> Endpoint:
        service.events.add_endpoint(endpoint.url, endpoint.secret)
        return endpoint

    @routes.delete("/_webhooks", status_code=204)
    async def drop(url: str) -> None:
        service.events.drop_endpoint(url)

    @routes.post("/_disputes/{identifier}")
    async def close(identifier: str, outcome: Literal["won", "lost"]) -> Document:
        dispute = service.get(service.disputes, identifier)
        dispute["status"] = outcome
        if outcome == "won":
            intent = service.get(service.intents, dispute["intent_id"])
            intents.log(service, intent, "dispute", "reinstated", dispute["amount"])
        return service.keep(service.disputes, dispute, "dispute.closed")

    return routes
