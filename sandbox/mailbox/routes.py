"""``/mailbox``: what has arrived; ``/texts``: Twilio's Messages API.

https://www.twilio.com/docs/messaging/api/message-resource. The API's operation for the fault switch
is ``send``, by recipient.
"""

import html
import re
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from sandbox.faults import Fault
from sandbox.mailbox import smtp
from sandbox.world import Answer, World

TEXTS = "texts"
MOST = 200
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Mailbox</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}}
article{{border:1px solid #8886;border-radius:8px;padding:.6rem 1rem;margin:.8rem 0}}
pre{{white-space:pre-wrap;font:inherit;margin:.4rem 0 0}}small{{opacity:.7}}</style>
<h1>Mailbox</h1><form><input name="to" placeholder="recipient" value="{to}"></form>{items}</html>"""
_ITEM = "<article><small>{at} · {to}</small><br><b>{subject}</b><pre>{text}</pre></article>"


def router(world: World) -> APIRouter:
    """Return the routes."""
    routes = APIRouter()

    @routes.get("/mailbox")
    async def mailbox(
        request: Request, to: str = "", limit: Annotated[int, Query(ge=1, le=MOST)] = 50
    ) -> Response:
        found = {name: _of(world, name, to, limit) for name in (smtp.SHELF, TEXTS)}
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"smtp": world.smtp, **found})
        newest = sorted(
            (one for all_ in found.values() for one in all_),
            key=lambda one: one["at"],
            reverse=True,
        )
        items = "".join(
            _ITEM.format_map(
                {
                    "subject": "",
                    **{name: html.escape(str(value)) for name, value in one.items()},
                    "to": html.escape(", ".join(one["to"])),
                }
            )
            for one in newest[:limit]
        )
        page = _PAGE.format(to=html.escape(to), items=items or "<p>Nothing has arrived.</p>")
        policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    @routes.post("/texts/2010-04-01/Accounts/{account}/Messages.json")
    async def send(
        request: Request,
        account: str,
        to: Annotated[str, Form(alias="To")],
        body: Annotated[str, Form(alias="Body")],
        sender: Annotated[str, Form(alias="From")],
    ) -> Response:
        async def commit(_: Fault | None) -> Answer:
            if not request.headers.get("authorization", "").startswith("Basic "):
                return _problem(401, 20003, "Authenticate")
            if not _NUMBER.fullmatch(to):
                return _problem(400, 21211, f"Invalid 'To' Phone Number: {to}")
            sid = f"SM{uuid.uuid4().hex}"
            text = {"id": sid, "at": world.now().isoformat(), "from": sender, "to": [to]}
            world.shelf(TEXTS).put(sid, {**text, "text": body})
            told: dict[str, Any] = {
                "sid": sid,
                "account_sid": account,
                "to": to,
                "from": sender,
                "body": body,
                "status": "queued",
                "direction": "outbound-api",
                "num_segments": str(-(-len(body) // 160)),
                "error_code": None,
                "error_message": None,
            }
            return Answer(201, told, effect="created", extra={"id": sid})

        return await world.serve(
            supplier="texts",
            operation="send",
            reference=to,
            commit=commit,
            refuse=lambda: _problem(400, 21610, "Attempt to send to unsubscribed recipient"),
            error=lambda: _problem(503, 20503, "Service unavailable"),
            request=request,
        )

    return routes


def _of(world: World, shelf: str, to: str, limit: int) -> list[dict[str, Any]]:
    wanted = to.strip().casefold()
    found = (
        one
        for one in world.shelf(shelf).newest_first()
        if not wanted or wanted in (name.casefold() for name in one["to"])
    )
    return [one for one, _ in zip(found, range(limit), strict=False)]


def _problem(status: int, code: int, message: str) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(status, {"code": code, "message": message, "more_info": more, "status": status})
