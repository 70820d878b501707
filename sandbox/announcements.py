"""What suppliers tell by themselves: webhooks, signed, again and again until a 2xx.

Where a supplier's webhooks go is set on the command line, in the environment or, while the
sandbox runs, with ``/_sandbox/{supplier}/webhooks``. Each supplier signs in its own way.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import httpx
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from sandbox.world import World

PAUSES: Final = (0.2, 1.0, 3.0, 10.0)
"""Seconds between the first attempts; later ones are ``LAST_PAUSE`` apart."""
LAST_PAUSE: Final = 30.0
ATTEMPTS: Final = 10
_TIMEOUT: Final = 10.0

Document = dict[str, Any]
Sign = Callable[[bytes, str], dict[str, str]]
"""Given the body and the endpoint's secret; returns the headers of one attempt."""


def announce(
    world: World,
    supplier: str,
    document: Document | Callable[[str], Document],
    sign: Sign,
    *,
    after: float = 0.0,
) -> None:
    """Send a document to every endpoint registered for a supplier now, in the background.

    Args:
        world: whose endpoints they are; what is under way ends with its process.
        supplier: who tells.
        document: JSON; or, where the signature is within the body, what makes it of the
            endpoint's secret. It is made anew for each attempt, for the time is signed too.
        sign: makes the headers, for each attempt as well.
        after: seconds to wait before the first attempt.
    """
    for url, _ in world.supplier_webhooks.get(supplier, []):
        world.spawn(_deliver(world, supplier, url, document, sign, after))


async def _deliver(
    world: World,
    supplier: str,
    url: str,
    document: Document | Callable[[str], Document],
    sign: Sign,
    after: float,
) -> None:
    await world.pause(after)
    async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as http:
        for attempt in range(ATTEMPTS):
            secret = dict(world.supplier_webhooks.get(supplier, [])).get(url)
            if secret is None or world.closing.is_set():
                return
            body = json.dumps(document(secret) if callable(document) else document).encode()
            headers = {"Content-Type": "application/json", **sign(body, secret)}
            try:
                answer = await http.post(url, content=body, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL):
                pass
            else:
                if answer.is_success:
                    return
            await world.pause(PAUSES[attempt] if attempt < len(PAUSES) else LAST_PAUSE)


def register(world: World, supplier: str, url: str, secret: str) -> None:
    """Tell ``url`` from now on, signed with ``secret``; the last secret of a URL counts."""
    others = [pair for pair in world.supplier_webhooks.get(supplier, []) if pair[0] != url]
    world.supplier_webhooks[supplier] = [*others, (url, secret)]


def parse(options: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Return supplier, URL and secret of each ``supplier=url,secret``.

    Raises:
        ValueError: one is written otherwise.
    """
    for one in options:
        supplier, equals, rest = one.partition("=")
        url, comma, secret = rest.rpartition(",")
        if not (supplier and equals and url and comma and secret):
            raise ValueError(f"{supplier or one!r} must be written supplier=url,secret")
        yield supplier, url, secret


class _Endpoint(BaseModel):
    """Where a supplier's webhooks go, and what they are signed with."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1)
    secret: str = Field(min_length=1)


def router(world: World) -> APIRouter:
    """Return the routes that say who is told."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/{supplier}/webhooks", status_code=201)
    async def add(supplier: str, endpoint: _Endpoint) -> dict[str, Any]:
        if supplier not in world.faults.operations:
            raise HTTPException(404, f"supplier {supplier!r} is unknown")
        register(world, supplier, endpoint.url, endpoint.secret)
        return {"urls": _urls(world, supplier)}

    @routes.get("/{supplier}/webhooks")
    async def told(supplier: str) -> dict[str, Any]:
        return {"urls": _urls(world, supplier)}

    @routes.delete("/{supplier}/webhooks")
    async def clear(supplier: str, url: str | None = None) -> dict[str, int]:
        before = world.supplier_webhooks.pop(supplier, [])
        kept = [pair for pair in before if url is not None and pair[0] != url]
        if kept:
            world.supplier_webhooks[supplier] = kept
        return {"cleared": len(before) - len(kept)}

    return routes


def _urls(world: World, supplier: str) -> list[str]:
    return [url for url, _ in world.supplier_webhooks.get(supplier, [])]
