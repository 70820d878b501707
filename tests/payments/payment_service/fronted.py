"""The sandbox's payment service behind a front that says something else where a test wants it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from payments.payment_service.adapter import PaymentServiceGateway
from tests.support.listening import listener


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    """Below ``/api/v1/payments``."""
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Instead:
    """What is sent in place of the service's answer; ``change`` replaces parts of its JSON."""

    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    change: dict[str, Any] | None = None


@dataclass
class Front:
    """Forwards to the sandbox, but for what was scripted."""

    client: httpx.AsyncClient
    """At the sandbox."""
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    _script: list[tuple[str, str, Instead]] = field(default_factory=list)

    def say(self, method: str, path: str, instead: Instead) -> None:
        """Say something else to requests whose path matches the pattern wholly."""
        self._script.insert(0, (method, path, instead))

    def forget(self) -> None:
        self._script.clear()

    def steps(self) -> list[str]:
        """The requests so far, ids left out."""
        return [re.sub(r"pay_\w+", "{id}", f"{s.method} {s.path}") for s in self.seen]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        content = await request.body()
        path = request.url.path.removeprefix("/api/v1/payments")
        self.seen.append(
            Seen(
                request.method,
                path,
                dict(request.query_params),
                dict(request.headers),
                json.loads(content) if content else None,
            )
        )
        answer = await self._answer(request, path, content)
        await answer(scope, receive, send)

    async def _answer(self, request: Request, path: str, content: bytes) -> Response:
        instead = next(
            (
                one
                for method, pattern, one in self._script
                if method == request.method and re.fullmatch(pattern, path)
            ),
            None,
        )
        if instead is not None and instead.status is not None:
            body = instead.body if isinstance(instead.body, bytes) else json.dumps(instead.body)
            return Response(body, status_code=instead.status, headers=instead.headers)
        told = await self.client.request(
            request.method,
            f"/payment_service{request.url.path}",
            params=request.query_params,
            headers={k: v for k, v in request.headers.items() if k != "host"},
            content=content,
        )
        if instead is None or instead.change is None:
            return Response(told.content, status_code=told.status_code)
        changed = {k: v for k, v in {**told.json(), **instead.change}.items() if v is not ...}
        return Response(json.dumps(changed), status_code=told.status_code)

    def gateway(self, **more: Any) -> PaymentServiceGateway:
        return PaymentServiceGateway(**{"url": self.url, "timeout": 5, **more})


@asynccontextmanager
async def fronted(sandbox_url: str) -> AsyncIterator[Front]:
    """Serve a front on a free port."""
    client = httpx.AsyncClient(base_url=sandbox_url, timeout=10, verify=False)
    front = Front(client)
    listening = listener()
    front.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        front, ws="none", log_level="error", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield front
    server.should_exit = True
    await serving
    await client.aclose()
