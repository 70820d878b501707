"""Take the pictures of ``docs/images``: a real local world, real terminals, real pages.

    make dev
    .venv/bin/python -m docs.screenshots

Starts the local world of this checkout with ``make run`` (none may be running), books trips in it,
lets some of them fail, and stops it. Needs Chromium: ``chromium`` on PATH, another one named by
``CHROMIUM``, or Playwright's own (``.venv/bin/playwright install chromium``).

Begin with ``make clean-state`` to see only what it booked. Nothing is drawn by hand: terminals
show what the commands wrote. Of the Temporal Web UI's history page the two panels with the raw
JSON input and result are hidden, so that the rest fits.
"""

import html
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from docs.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
TRIPSAGA = str(ROOT / ".venv" / "bin" / "tripsaga")
COLUMNS = 104
WIDTH = 1400
CURRENT_DETAILS: FloatRect = {"x": 732, "y": 306, "width": WIDTH - 732, "height": 376}
_PATIENCE = 30_000  # ms
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HIDE_JSON = "[data-testid=input-and-result] { display: none !important }"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
THEME = TerminalTheme(
    (22, 24, 29),
    (214, 218, 226),
    [
        (60, 64, 72),
        (240, 113, 120),
        (127, 209, 163),
        (238, 198, 109),
        (122, 162, 247),
        (199, 146, 234),
        (110, 201, 214),
        (214, 218, 226),
    ],
)
TERMINAL_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #16181d; }}
#terminal {{ display: inline-block; padding: 18px 24px 20px; background: #16181d; color: #d6dae2;
  font: 14px/1.18 "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
pre {{ margin: 0; font: inherit; }}
.prompt {{ color: #7fd1a3; }}
</style><div id="terminal"><pre><span class="prompt">$ {command}</span>
{written}</pre></div>"""


def main() -> None:
    """Take every picture, or keep only those named on the command line."""
    if (ROOT / "var" / "services.json").exists():
        sys.exit("a local world runs here already: stop it first (Ctrl-C where it runs)")
    IMAGES.mkdir(exist_ok=True)
    wanted = set(sys.argv[1:])
    with _browser() as browser:
        shots = Shots(browser, wanted)
        world = Terminal(["make", "run"], COLUMNS, ROOT)
        try:
            if not world.until("Ctrl-C stops everything", seconds=600):
                sys.exit("the local world did not start:\n" + "\n".join(world.lines()))
            shots.terminal("make-run", "make run", world.lines())
            _take(shots, json.loads((ROOT / "var" / "services.json").read_text()))
        finally:
            world.interrupt()


def _take(shots: "Shots", services: dict[str, Any]) -> None:
    confirmed = _booked("--slow")
    undone = _booked("--fail", "hotel")
    command = "book --fail hotel --watch"
    shots.terminal("book-fail-hotel", f"tripsaga {command}", _run(*command.split()))
    workflows = f"{services['temporal_ui']}/namespaces/default/workflows"
    shots.history("temporal-confirmed", f"{workflows}/{confirmed}")
    shots.payloads("temporal-decoded", f"{workflows}/{confirmed}")
    shots.payloads("temporal-without-codec", f"{workflows}/{confirmed}", codec=False)
    shots.history("temporal-undone", f"{workflows}/{undone}")
    shots.details("temporal-details-undone", f"{workflows}/{undone}", _part(105, 960))

    _take_authentication(shots, workflows)
    _take_suppliers(shots, workflows)


def _take_authentication(shots: "Shots", workflows: str) -> None:
    """A booking whose bank wants a proof: waiting, at the bank's page, confirmed, in the books."""
    command = "book --card pm_card_threeDSecure2Required --watch"
    lines = _run(*command.split())
    shots.terminal("three-d-secure-waiting", f"tripsaga {command}", lines)
    booking = _UUID.findall("\n".join(lines))[-1]
    shots.history("temporal-three-d-secure-waiting", f"{workflows}/{booking}")
    waiting = json.loads("".join(_run("show", booking, "--json")))
    shots.approve("three-d-secure-bank", waiting["payment"]["nextAction"]["redirect_to_url"]["url"])
    until = time.monotonic() + 60
    while json.loads("".join(_run("show", booking, "--json")))["state"] != "CONFIRMED":
        if time.monotonic() > until:
            sys.exit(f"{booking} was approved and is not confirmed")
        time.sleep(0.5)
    shots.terminal("three-d-secure-confirmed", f"tripsaga show {booking}", _run("show", booking))
    shots.history("temporal-three-d-secure-confirmed", f"{workflows}/{booking}")
    statement = f"ledger statement {booking}"
    shots.terminal("ledger-statement", f"tripsaga {statement}", _run(*statement.split()))


def _take_suppliers(shots: "Shots", workflows: str) -> None:
    """A trip of which parts are held first, what cancelling it would cost, and how suppliers do."""
    command = "book --flight duffel --hotel ratehawk --activity getyourguide --watch"
    lines = _run(*command.split())
    shots.terminal("book-held", f"tripsaga {command}", lines)
    booking = _UUID.findall("\n".join(lines))[-1]
    shots.history("temporal-held", f"{workflows}/{booking}")
    question = f"cancel {booking} --dry-run"
    shots.terminal("cancel-dry-run", f"tripsaga {question}", _run(*question.split()))
    shots.terminal("suppliers", "tripsaga suppliers", _run("suppliers"))


def _booked(*options: str) -> str:
    """Book a sample trip and return its booking id."""
    return str(json.loads("".join(_run("book", "--json", *options)))["bookingId"])


def _run(*arguments: str) -> list[str]:
    terminal = Terminal([TRIPSAGA, *arguments], COLUMNS, ROOT)
    terminal.to_the_end(seconds=120)
    return terminal.lines()


class Shots:
    """Takes pictures with one browser; those not wanted are skipped."""

    def __init__(self, browser: Browser, wanted: set[str]) -> None:
        """Wanted by name; none named means all."""
        self._browser = browser
        self._wanted = wanted

    def terminal(self, name: str, command: str, lines: list[str]) -> None:
        """Show what a command wrote."""
        with Path(os.devnull).open("w") as nowhere:
            console = Console(record=True, width=COLUMNS, file=nowhere)
            for line in lines:
                console.print(Text.from_ansi(line), soft_wrap=True)
            written = console.export_html(theme=THEME, inline_styles=True, code_format="{code}")
        content = TERMINAL_PAGE.format(command=html.escape(command), written=written.rstrip())
        with self._taking(name) as page:
            if page:
                page.set_content(content)
                self._save(name, page, page.locator("#terminal").bounding_box())

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
            if not self._wanted or name in self._wanted:
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
        """Have a fresh page, or none when this picture is not wanted."""
        if self._wanted and name not in self._wanted:
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
