"""``tripsaga up``: the local world, from nothing to a booked trip and table, until Ctrl-C."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from commands.account import account_panel, say_step
from commands.bookings import book_trip
from commands.event_arrivals import Arrivals
from commands.output import Code, err, out
from commands.reservations import reservation_panel, reserve_place
from commands.reserving import Visit, a_venue, reservation_request
from commands.screen import Screen
from commands.target import find_target
from commands.trips import TEST_CARD, Account, Step, TripError
from localworld.errors import LocalWorldError
from localworld.places import Places
from localworld.services import Services
from localworld.settings import WorldSettings
from localworld.world import World
from settings import Settings

_FORCED = 130


def up(
    *,
    demo: Annotated[
        bool, typer.Option(help="Book a sample trip and reserve a table once everything runs.")
    ] = True,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the samples; 0 when both stand.")
    ] = False,
) -> None:
    """Start everything on this machine, book a sample trip and a table, stay up until Ctrl-C.

    Ctrl-C stops what was started, in order; a second one ends it at once. Data stay in var/.
    """
    code = asyncio.run(_Up(demo=demo, once=once).run())
    raise typer.Exit(code)


class _Up:
    """One run of the command."""

    def __init__(self, *, demo: bool, once: bool) -> None:
        self._demo = demo
        self._once = once
        self._screen = Screen(out)
        self._world = World(
            Places.of_this_checkout(), Settings(), WorldSettings(), self._screen.report
        )
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Run to the end and return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        code: int = Code.DONE
        try:
            code = await self._live()
        except LocalWorldError as error:
            err.print(f"\n[bold red]✗[/] {escape(str(error))}", soft_wrap=True)
            if error.mend:
                err.print(f"  [dim]→[/] {escape(error.mend)}", soft_wrap=True)
            code = Code.AWAY
        finally:
            try:
                if self._world.started:
                    out.print("\n[dim]stopping …[/]")
            finally:
                await self._world.stop()
        return code

    async def _live(self) -> int:
        """Start, book, and wait for somebody to end it."""
        with self._screen:
            found = await self._unless_stopped(self._world.start())
        if found is None:
            return _FORCED
        out.print(f"[dim]everything runs after {self._screen.seconds:.1f} s[/]\n")
        account: Account | None = None
        stand = not self._demo
        if self._demo:
            account, stand = await self._unless_stopped(self._samples()) or (None, False)
            if self._stop.is_set():
                return 0
        _addresses(found, account)
        if self._once:
            return Code.DONE if stand else Code.BAD
        out.print("\n[dim]Ctrl-C stops everything; the data stay in var/[/]")
        await self._stop.wait()
        return 0

    async def _samples(self) -> tuple[Account | None, bool]:
        """Book a trip and a table, and show their events; also returns whether both stand."""
        async with Arrivals(find_target()) as arrivals:
            account = await self._book()
            visit = await self._reserve()
            made = {
                **({str(account.answer.get("bookingReference")): "trip"} if account else {}),
                **({str(visit.answer["booking_reference"]): "table"} if visit else {}),
            }
            out.print("\nTheir events, as the feed has them:\n")
            for reference, types in (await arrivals.of(made)).items():
                out.print(f"  {made[reference]:<5}  {reference}  {types}", soft_wrap=True)
        stand = account is not None and account.confirmed and visit is not None and visit.confirmed
        return account, stand

    async def _book(self) -> Account | None:
        out.print("Booking a sample trip: one flight, one hotel, two activities, two travellers\n")
        try:
            account = await book_trip(
                find_target(),
                {},
                _say,
            )
        except TripError as error:
            err.print(f"[bold red]✗[/] the sample trip could not be booked: {escape(str(error))}")
            return None
        out.print()
        out.print(account_panel(account))
        return account

    async def _reserve(self) -> Visit | None:
        out.print("\nReserving a sample table, with a deposit: two guests\n")
        try:
            request = reservation_request(a_venue(), card=TEST_CARD)
            visit = await reserve_place(find_target(), request, _say)
        except TripError as error:
            err.print(f"[bold red]✗[/] the sample table could not be had: {escape(str(error))}")
            return None
        out.print()
        out.print(reservation_panel(visit.answer, f"{visit.seconds:.2f} s"))
        return visit

    async def _unless_stopped(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what the work gives; None when a request to stop broke it off."""
        doing = asyncio.create_task(work)
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([doing, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            return None
        return doing.result()

    def _asked_to_stop(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            return
        # Asked twice: at once, and never mind the order.
        self._world.kill()
        sys.stdout.flush()
        os._exit(_FORCED)


def _say(step: Step) -> None:
    say_step(step.seconds, step.status, step.step, step.message)


def _addresses(found: Services, account: Account | None) -> None:
    """Say where to look."""
    rows = {"API": f"{found['api']}/docs"}
    booking_id = account.answer.get("bookingId") if account else None
    if found["temporal_ui"]:
        workflows = f"{found['temporal_ui']}/namespaces/{Settings().temporal.namespace}/workflows"
        rows["Temporal"] = f"{workflows}/{booking_id}" if booking_id else workflows
    else:
        rows["Temporal"] = found["temporal"]
    address = urlsplit(found["codec"])
    rows["Codec"] = f"{address.scheme}://{address.netloc} decrypts for Temporal's Web UI"
    rows["Sandbox"] = f"{found['sandbox']}/_sandbox"
    rows["Events"] = ".venv/bin/tripsaga events tail --after oldest"
    rows["Database"] = found["database"]
    rows["Scripts"] = 'eval "$(.venv/bin/tripsaga env)"'
    rows["Break it"] = ".venv/bin/tripsaga book --fail hotel --watch"
    out.print()
    for name, value in rows.items():  # never folded: addresses are there to be clicked or copied
        out.print(f"  [bold]{name:<9}[/] {escape(value)}", soft_wrap=True)
