"""A worker that dies by SIGKILL at one exact point of one provider call, once.

Or that stands still there until it is told to go on (SIGCONT): ``CRASH_SIGNAL=SIGSTOP``. Of the
record (``record.load`` and ``record.record``) a connection may be cut as well: ``CRASH_CUTS=1``.

``CRASH_AT`` is ``provider.operation:point`` with point ``before`` (the intent is on record, nothing
was sent), ``during`` (the request is on its way) or ``after`` (answered, and nobody wrote it down).
Everything else about it is the real worker.
"""

import asyncio
import dataclasses
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import worker
from activities.registry import create_activities
from payments.registry import create_gateway
from settings import get_settings
from suppliers.core.limiter import RateLimits
from suppliers.registry import create_suppliers, create_venues
from tests.support.crashing_record import CrashingRecord

TARGET, POINT = os.environ["CRASH_AT"].split(":")
PROVIDER, OPERATION = TARGET.split(".")
SIGNAL = signal.Signals[os.environ.get("CRASH_SIGNAL", "SIGKILL")]


class Crashing:
    """An adapter whose one operation kills the process."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._adapter, name)
        return _crash(attribute) if name == OPERATION else attribute

    def __dir__(self) -> list[str]:
        return dir(self._adapter)


def _crash(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def crashing(*args: Any, **kwargs: Any) -> Any:
        if POINT == "before":
            os.kill(os.getpid(), SIGNAL)
        under_way = asyncio.ensure_future(call(*args, **kwargs))
        if POINT == "during":
            await asyncio.sleep(0.3)
        else:
            await under_way
        if not (POINT == "before" and SIGNAL is signal.SIGSTOP):
            os.kill(os.getpid(), SIGNAL)
        return await under_way

    return crashing


def _die() -> None:
    os.kill(os.getpid(), SIGNAL)


def main() -> None:
    settings = get_settings()
    suppliers: dict[str, Any] = create_suppliers(settings, RateLimits())
    gateway: Any = create_gateway(settings)
    venues: Any = create_venues(settings, RateLimits())
    if PROVIDER == "stripe":
        gateway = Crashing(gateway)
    elif PROVIDER == "venue":
        venues = Crashing(venues)
    elif PROVIDER != "record":
        suppliers[PROVIDER] = Crashing(suppliers[PROVIDER])
    logging.basicConfig(level="INFO")

    async def run() -> None:
        activities = create_activities(
            settings, suppliers=suppliers, gateway=gateway, venues=venues
        )
        if PROVIDER == "record":
            crash = None if os.environ.get("CRASH_CUTS") else _die
            record = CrashingRecord(settings, OPERATION, POINT, crash)
            activities = dataclasses.replace(activities, bookings=record)
        await worker.main_async(settings, activities)

    asyncio.run(run())


if __name__ == "__main__":
    main()
