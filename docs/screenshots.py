"""Take the pictures of ``docs/images``: pages of a real local world, in a browser.

    make dev
    .venv/bin/python -m docs.screenshots

Starts the local world of this checkout (none may be running), books trips in it,
lets some of them fail, and stops it. Needs Chromium: ``chromium`` on PATH, another one named by
``CHROMIUM``, or Playwright's own (``.venv/bin/playwright install chromium``).

Begin with ``make clean-state`` to see only what it booked. Of the Temporal Web UI's history page
the two panels with the raw JSON input and result are hidden, so that the rest fits.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
TRIPSAGA = str(ROOT / ".venv" / "bin" / "tripsaga")
WIDTH = 1400
CURRENT_DETAILS: FloatRect = {"x": 732, "y": 306, "width": WIDTH - 732, "height": 376}
_PATIENCE = 30_000  # ms
HIDE_JSON = "[data-testid=input-and-result] { display: none !important }"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def main() -> None:
    """Take every picture, or keep only those named on the command line."""
    if (ROOT / "var" / "services.json").exists():
        sys.exit("a local world runs here already: stop it first (Ctrl-C where it runs)")
    IMAGES.mkdir(exist_ok=True)
    chosen = set(sys.argv[1:])
    with _browser() as browser:
        shots = Shots(browser, chosen)
        with _world() as services:
            _take(shots, services)


@contextmanager
def _world() -> Iterator[dict[str, Any]]:
    """Have a local world run; its addresses."""
    found = ROOT / "var" / "services.json"
    world = subprocess.Popen(  # noqa: S603  (our own command)
        [TRIPSAGA, "up", "--no-demo"], cwd=ROOT, start_new_session=True
    )
    try:
        until = time.monotonic() + 600
        while not found.exists():
            if world.poll() is not None or time.monotonic() > until:
                sys.exit("the local world did not start")
            time.sleep(1)
        yield json.loads(found.read_text())
    finally:
        world.send_signal(signal.SIGINT)
        world.wait()


def _take(shots: "Shots", services: dict[str, Any]) -> None:
    confirmed = _booked("--slow")
    undone = _booked("--fail", "hotel")
    workflows = f"{services['temporal_ui']}/namespaces/default/workflows"
    shots.history("temporal-confirmed", f"{workflows}/{confirmed}")
    shots.payloads("temporal-decoded", f"{workflows}/{confirmed}")
    shots.payloads("temporal-without-codec", f"{workflows}/{confirmed}", codec=False)
    shots.history("temporal-undone", f"{workflows}/{undone}")
    shots.details("temporal-details-undone", f"{workflows}/{undone}", _part(105, 960))

    _take_authentication(shots, workflows)
    _take_suppliers(shots, workflows)
    _take_reservation(shots, workflows)


def _take_authentication(shots: "Shots", workflows: str) -> None:
    """A booking whose bank wants a proof: waiting, at the bank's page, confirmed."""
    booking = _booked("--card", "pm_card_threeDSecure2Required")
    shots.history("temporal-three-d-secure-waiting", f"{workflows}/{booking}")
    waiting = _shown(booking)
    shots.approve("three-d-secure-bank", waiting["payment"]["nextAction"]["redirect_to_url"]["url"])
    until = time.monotonic() + 60
    while _shown(booking)["state"] != "CONFIRMED":
        if time.monotonic() > until:
            sys.exit(f"{booking} was approved and is not confirmed")
        time.sleep(0.5)
    shots.history("temporal-three-d-secure-confirmed", f"{workflows}/{booking}")


def _take_suppliers(shots: "Shots", workflows: str) -> None:
    """A trip of which parts are held first, and flights whose orders have odd forms."""
    booking = _booked("--flight", "duffel", "--hotel", "ratehawk", "--activity", "getyourguide")
    shots.history("temporal-held", f"{workflows}/{booking}")
    # An order id that is percent-encoded as it comes, and a carrier without e-tickets: both are
    # found again to be cancelled.
    for name, options in (
        ("temporal-amadeus-cancelled", ()),
        ("temporal-duffel-cancelled", ("--flight", "duffel", "--destination", "LHR")),
    ):
        booking = _booked(*options)
        _run("cancel", booking, "--yes")
        shots.payloads(name, f"{workflows}/{booking}")


def _take_reservation(shots: "Shots", workflows: str) -> None:
    """A table with a deposit."""
    booking = json.loads(_run("reserve", "--json"))["id"]
    shots.history("temporal-reservation", f"{workflows}/{booking}")


def _booked(*options: str) -> str:
    """Book a sample trip and return its booking id."""
    return str(json.loads(_run("book", "--json", *options))["bookingId"])


def _shown(booking: str) -> Any:
    return json.loads(_run("show", booking, "--json"))


def _run(*arguments: str) -> str:
    """Return what a command writes, whatever its exit code: a trip that fails is shown too."""
    made = subprocess.run(  # noqa: S603  (our own command)
        [TRIPSAGA, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    return made.stdout


class Shots:
    """Takes pictures with one browser; those not chosen are skipped."""

    def __init__(self, browser: Browser, chosen: set[str]) -> None:
        """Chosen by name; none named means all."""
        self._browser = browser
        self._chosen = chosen

    def history(self, name: str, url: str) -> None:
        """Show a workflow's head and its timeline."""
        with self._taking(name) as page:
            if page:
                page.goto(url)
                page.locator("svg text").first.wait_for(timeout=_PATIENCE)
                page.add_style_tag(content=HIDE_JSON)
                page.wait_for_timeout(2000)
                below = page.locator("[data-testid=feed]").bounding_box()
                assert below is not None, "the Web UI's history page is not what it was"
                self._save(name, page, _part(105, below["y"] - 12))

    def payloads(self, name: str, url: str, *, codec: bool = True) -> None:
        """Show a workflow's page with input and result, with the codec endpoint or without."""
        with self._taking(name) as page:
            if page:
                if not codec:
                    page.route("**/decode", lambda route: route.abort())
                page.goto(url)
                page.locator("svg text").first.wait_for(timeout=_PATIENCE)
                page.wait_for_timeout(3000)
                self._save(name, page, _part(0, 1080))

    def details(self, name: str, url: str, part: FloatRect) -> None:
        """Show what the saga itself says about a booking: summary, details, current details."""
        with self._taking(name) as page:
            if page:
                page.goto(url)
                page.locator("[data-testid=user-metadata-tab]").click()
                page.locator("text=Current Details").first.wait_for(timeout=_PATIENCE)
                page.wait_for_timeout(3000)
                self._save(name, page, part)

    def approve(self, name: str, url: str) -> None:
        """Show the bank's page, and approve the payment there as the traveller does."""
        context = self._browser.new_context(viewport={"width": 800, "height": 420})
        try:
            page = context.new_page()
            page.goto(url)
            if not self._chosen or name in self._chosen:
                self._save(name, page, None)
            # The way back leads to the caller's own page, which is not here.
            page.locator("form[action*=succeed] button").click(no_wait_after=True)
            page.wait_for_timeout(1000)
        finally:
            context.close()

    def page(self, name: str, url: str, ready: str, *, height: int) -> None:
        """Show the upper part of a page."""
        with self._taking(name) as page:
            if page:
                page.goto(url)
                page.locator(ready).first.wait_for(timeout=_PATIENCE)
                page.wait_for_timeout(2000)
                self._save(name, page, _part(0, height))

    @contextmanager
    def _taking(self, name: str) -> Iterator[Page | None]:
        """Have a fresh page, or none when this picture is not chosen."""
        if self._chosen and name not in self._chosen:
            yield None
            return
        context = self._browser.new_context(viewport={"width": WIDTH, "height": 1600})
        try:
            yield context.new_page()
        finally:
            context.close()

    def _save(self, name: str, page: Page, part: FloatRect | None) -> None:
        file = IMAGES / f"{name}.png"
        page.screenshot(path=file, clip=part)
        print(f"{file.relative_to(ROOT)}  {file.stat().st_size // 1000} kB")


def _part(top: float, bottom: float) -> FloatRect:
    return {"x": 0, "y": top, "width": WIDTH, "height": bottom - top}


@contextmanager
def _browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    main()
