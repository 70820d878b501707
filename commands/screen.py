"""What a person sees while the local world starts: a live list, or plain lines in a log."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from localworld.supervisor import Status
from localworld.world import NAMES

_MARKS = {
    Status.WAITING: ("·", "dim"),
    Status.READY: ("✓", "green"),
    Status.RESTARTING: ("↻", "yellow"),
    Status.STOPPED: ("■", "dim"),
    Status.FAILED: ("✗", "bold red"),
}

_PROGRESS_EVERY = 10.0


class Screen:
    """Shows where each service stands; ``report`` is what the world tells it."""

    def __init__(self, console: Console) -> None:
        """Show on this console; live only when it is a terminal."""
        self._console = console
        self._began = time.monotonic()
        self._started: dict[str, float] = {}
        self._last_progress: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._now: dict[str, tuple[Status, str]] = dict.fromkeys(NAMES, (Status.WAITING, ""))
        self._spinner = Spinner("dots", style="cyan")
        self._live: Live | None = None

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._began

    def __enter__(self) -> Self:
        """Go live, on a terminal."""
        if self._console.is_terminal:
            self._live = Live(self, console=self._console, refresh_per_second=12, transient=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the list as it stands; later reports become plain lines."""
        if self._live:
            self._live.stop()
            self._live = None

    def report(self, name: str, status: Status, detail: str) -> None:
        """Take a service's status."""
        before = self._now.get(name)
        if status is Status.STARTING:
            self._started.setdefault(name, time.monotonic())
        elif status is Status.READY and name in self._started:
            self._took.setdefault(name, time.monotonic() - self._started[name])
        self._now[name] = (status, detail)
        if self._live is None and before != (status, detail) and not self._too_often(name, status):
            self._line(name, status, detail)

    def _too_often(self, name: str, status: Status) -> bool:
        """Tell whether this is progress that plain lines, as in a log file, can do without."""
        if status is not Status.STARTING:
            return False
        now, last = time.monotonic(), self._last_progress.get(name)
        if last is not None and now - last < _PROGRESS_EVERY:
            return True
        self._last_progress[name] = now
        return False

    def _line(self, name: str, status: Status, detail: str) -> None:
        mark, style = _MARKS.get(status, ("…", "cyan"))
        line = Text.assemble((f"{mark} ", style), (f"{name:<11}", "bold"), f"{status:<11}")
        line.append(detail, "dim")
        self._console.print(line, soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the list."""
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(width=11)
        table.add_column(width=7, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, (status, detail) in self._now.items():
            mark = self._spinner if status is Status.STARTING else Text(*_MARKS[status])
            took = self._took.get(name)
            if took is None and status is Status.STARTING:
                took = time.monotonic() - self._started[name]
            seconds = "" if took is None else f"{took:.1f} s"
            table.add_row(mark, Text(name, "bold"), Text(seconds, "dim"), Text(detail, "dim"))
        yield table
