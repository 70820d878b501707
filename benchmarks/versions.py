"""``python -m benchmarks.versions --old PATH``: this version beside an older one, in one run.

``PATH`` is a checkout of the older version with its own ``.venv`` (``git worktree add``, then
``make dev`` there). Both have a stage of their own; rounds take turns, so that a change in the
machine's mood meets both. While one plays, the other idles; what that takes is the same for both.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from localworld.places import ROOT

STATION = Path(__file__).with_name("station.py")
WHO = ("worker", "temporal", "postgres")
COUNTED = 20
COUNTS = (
    ("history events", "events"),
    ("workflow tasks", "workflow_tasks"),
    ("ordinary activities", "activities"),
    ("local activities", "local_activities"),
    ("history bytes", "history_bytes"),
    ("SQL statements", "statements"),
    ("BEGIN and COMMIT", "begin_commit"),
    ("transactions", "transactions"),
    ("… that write", "writing"),
)


class Version:
    """One version at work, in its own interpreter."""

    def __init__(self, name: str, place: Path, changes: Sequence[str]) -> None:
        self.name = name
        self.rounds: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self._process = subprocess.Popen(
            [str(place / ".venv/bin/python"), "-c", STATION.read_text(), *changes],
            cwd=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def ask(self, bookings: int, at_once: int, *, count: bool = False) -> dict[str, Any]:
        """Have a round played, or counted what its bookings leave."""
        assert self._process.stdin is not None
        request = {"bookings": bookings, "at_once": at_once, "count": count}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End it, and wait until its servers have stopped."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the {self.name} version has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    # -- figures ----------------------------------------------------------------------------

    def cpu(self, at_once: int, *names: str) -> float:
        """Return CPU milliseconds per booking, the median of the rounds."""
        rounds = self.rounds[at_once]
        return 1000 * statistics.median(float(sum(one["cpu"][n] for n in names)) for one in rounds)

    def per_second(self, at_once: int) -> float:
        """Return bookings a second, the median of the rounds."""
        return statistics.median(float(one["per_second"]) for one in self.rounds[at_once])

    def p50(self, at_once: int) -> float:
        """Return the median time of a booking, milliseconds."""
        return 1000 * statistics.median(
            float(latency) for one in self.rounds[at_once] for latency in one["latencies"]
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, return the exit code."""
    options = _parser().parse_args(arguments)
    say = Console(stderr=True)
    places = {"new": ROOT, **({"old": options.old.resolve()} if options.old else {})}
    versions = [Version(name, places[name], options.set) for name in reversed(places)]
    try:
        for version in versions:
            version.ask(32, 4)  # warms up
        for number in range(1, options.rounds + 1):
            for at_once in options.at_once:
                for version in versions if number % 2 else reversed(versions):
                    bookings = max(options.bookings, 3 * at_once if at_once > 1 else 1)
                    played = version.ask(bookings, at_once)
                    version.rounds[at_once].append(played)
                    spent = 1000 * sum(played["cpu"][who] for who in WHO)
                    say.print(
                        f"[dim]round {number}, {at_once} at once, {version.name}:"
                        f" {played['per_second']:.1f}/s, {spent:.0f} ms of CPU,"
                        f" others {played['others']:.2f} cores, pace {1000 * played['pace']:.1f}[/]"
                    )
        counts = [version.ask(COUNTED, 1, count=True) for version in versions]
    finally:
        for version in versions:
            version.close()
    _show(versions, counts, options.at_once, texts=options.texts)
    return 0


def _show(
    versions: list[Version], counts: list[dict[str, Any]], loads: Sequence[int], *, texts: bool
) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("of one booking", *(version.name for version in versions), "new ÷ old"):
        table.add_column(heading, justify="left" if heading == "of one booking" else "right")

    def row(name: str, values: list[float]) -> None:
        ratio = f"{values[-1] / values[0]:.2f}" if len(values) > 1 and values[0] else "–"
        table.add_row(name, *(f"{value:,.1f}" for value in values), ratio)

    for load in loads:
        row(f"bookings/s, {load} at once", [one.per_second(load) for one in versions])
        row(f"p50 ms, {load} at once", [one.p50(load) for one in versions])
        row(f"CPU ms, {load} at once", [one.cpu(load, *WHO) for one in versions])
        for who in WHO:
            row(f"  {who}", [one.cpu(load, who) for one in versions])
    for title, name in COUNTS:
        row(title, [found[name] for found in counts])
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    if texts:
        for text, count in counts[-1]["texts"].items():
            console.print(f"{count:6.2f}  {text}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("--old", type=Path, help="a checkout of the older version; none: this only")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (default 5)")
    parser.add_argument("--bookings", type=int, default=40, help="in a round at least (default 40)")
    parser.add_argument(
        "--at-once",
        type=lambda text: tuple(int(part) for part in text.split(",")),
        default=(1, 32),
        help="how many bookings at once (default 1,32)",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of both"
    )
    parser.add_argument("--texts", action="store_true", help="print the new version's SQL as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
