"""For whoever runs this: is the process alive, can it do its work."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from fastapi import Response
from temporalio.service import RPCError

from api.core.audience import Audience, Policy
from api.core.context import AppContext, Context
from api.core.schemas import Alive, Check, Readiness

# Whoever watches this process may share its address with others: not limited, and cheap.
router = Audience(Policy.PUBLIC, limited=False, tags=["health"])

CHECK_SECONDS = 2.0
_EXAMPLE = {
    "ready": False,
    "checks": {
        "database": {"ok": True, "ms": 1.2, "detail": "answers"},
        "temporal": {"ok": False, "ms": 2000.0, "detail": "does not answer"},
    },
}


@router.get(
    "/healthz",
    operation_id="getLiveness",
    responses={200: {"content": {"application/json": {"example": {"status": "ok"}}}}},
    summary="The process is alive",
)
async def healthz() -> Alive:
    """Answer as long as the process runs, whatever else is down."""
    return Alive()


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Bookings can be taken",
    responses={
        200: {
            "content": {
                "application/json": {
                    "example": {
                        "ready": True,
                        "checks": {
                            "database": {"ok": True, "ms": 1.2, "detail": "answers"},
                            "temporal": {"ok": True, "ms": 2.3, "detail": "answers"},
                        },
                    }
                }
            }
        },
        503: {
            "description": "Not now.",
            "model": Readiness,
            "content": {"application/json": {"example": _EXAMPLE}},
        },
    },
)
async def readyz(context: Context, response: Response) -> Readiness:
    """Ask the database and Temporal, and say which of them answers."""
    database, temporal = await asyncio.gather(
        _shared(context, "database", context.vitals.check),
        _shared(context, "temporal", lambda: _temporal(context)),
    )
    ready = database.ok and temporal.ok
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return Readiness(ready=ready, checks={"database": database, "temporal": temporal})


async def _temporal(context: AppContext) -> None:
    healthy = await context.temporal.service_client.check_health(
        timeout=timedelta(seconds=CHECK_SECONDS)
    )
    if not healthy:
        raise RuntimeError("unhealthy")


async def _shared(context: AppContext, name: str, ask: Callable[[], Awaitable[None]]) -> Check:
    """Return what a check finds; all who ask while it runs share it, so that many are no load."""
    check = context.checks.get(name)
    if check is None:
        check = context.checks[name] = asyncio.create_task(_check(ask))
        check.add_done_callback(lambda _: context.checks.pop(name))
    return await asyncio.shield(check)


async def _check(ask: Callable[[], Awaitable[None]]) -> Check:
    started = time.perf_counter()
    ok, detail = True, "answers"
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await ask()
    except TimeoutError:
        ok, detail = False, "does not answer"
    except (RPCError, RuntimeError, OSError):
        ok, detail = False, "cannot be reached"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready; addresses stay in
        ok, detail = False, type(error).__name__
    return Check(ok=ok, ms=round((time.perf_counter() - started) * 1000, 1), detail=detail)
