"""Figures out of what was measured; everything a report or a comparison needs, as JSON."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from benchmarks.critical_path import supplier_seconds
from benchmarks.histories import History, Step
from benchmarks.rounds import Cell, Round, Rounds
from benchmarks.statements import Statements

PLAIN = "plain"


class CellFigures(BaseModel):
    """One way at one load. Times in milliseconds, CPU in milliseconds per booking."""

    way: str
    concurrency: int
    supplier_latency: float
    bookings: int
    rounds: int
    p50: float
    p99: float
    min: float
    per_second: float
    """Median of the rounds."""
    per_second_range: tuple[float, float]
    cpu: dict[str, float]
    """Medians of the rounds, by process; ``client`` is the benchmark itself."""
    times_plain: float | None = None
    """p50 in units of the p50 of ``plain`` at the same load."""
    supplier_p50: float | None = None
    """Supplier and gateway time on the booking's way: attempts and quotes."""
    overhead_p50: float | None = None
    """Median of (time of a booking − its supplier time)."""
    disturbance: float
    """Cores that others kept busy, median of the rounds."""
    slowness: float
    """A fixed calculation's time in units of the shortest of the run, median of the rounds."""

    @property
    def cpu_total(self) -> float:
        """CPU per booking of everything but the benchmark itself and the suppliers."""
        return sum(used for name, used in self.cpu.items() if name not in {"client", "sandbox"})


class HistoryFigures(BaseModel):
    """What a confirmed booking leaves in Temporal. Medians."""

    bookings: int
    events: float
    bytes: float
    workflow_tasks: float
    activities: float
    local_activities: float
    timers: float
    kinds: dict[str, float]


class StepFigures(BaseModel):
    """One activity of the saga, in the order of beginning. Medians, milliseconds."""

    name: str
    local: bool
    began: float
    until_next: float
    """Until the next one began, or the workflow ended."""
    waited: float | None
    """Until a worker took it up; None for local ones."""
    took: float | None
    """From then until its result was recorded; None for local ones."""


class SqlFigures(BaseModel):
    """What is sent to the database for one booking (client → server, worker and API)."""

    way: str
    statements: float
    begin_commit: float
    transactions: float
    writing_transactions: float
    by_text: dict[str, float]


class Report(BaseModel):
    """Everything one run has found."""

    cores: int
    settings: dict[str, str]
    repeated_rounds: int
    """Because others kept the machine busy, or it was slower than it can be."""
    idle_cpu: dict[str, float]
    """CPU milliseconds per second while nothing is booked."""
    cells: list[CellFigures]
    history: HistoryFigures
    steps: list[StepFigures]
    sql: list[SqlFigures]


def milliseconds(seconds: float) -> float:
    """Return milliseconds, to the hundredth."""
    return round(seconds * 1000, 2)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile: always one of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def of_rounds(rounds: Rounds, database_url: str) -> list[CellFigures]:
    """Return the figures of all cells."""
    return [_of_cell(rounds, cell, database_url) for cell in rounds.cells]


def _of_cell(rounds: Rounds, cell: Cell, database_url: str) -> CellFigures:
    played = rounds.of(cell)
    latencies = [latency for one in played for latency in one.latencies]
    rates = [one.per_second for one in played]
    figures = CellFigures(
        way=cell.way,
        concurrency=cell.concurrency,
        supplier_latency=milliseconds(cell.latency),
        bookings=len(latencies),
        rounds=len(played),
        p50=milliseconds(statistics.median(latencies)),
        p99=milliseconds(percentile(latencies, 0.99)),
        min=milliseconds(min(latencies)),
        per_second=round(statistics.median(rates), 2),
        per_second_range=(round(min(rates), 2), round(max(rates), 2)),
        cpu=_cpu(played),
        disturbance=round(statistics.median(one.disturbance for one in played), 2),
        slowness=round(statistics.median(one.pace for one in played) / rounds.best_pace, 2),
    )
    plain = rounds.of(Cell(cell.latency, cell.concurrency, PLAIN))
    if not plain:
        return figures
    floor = statistics.median(latency for one in plain for latency in one.latencies)
    figures.times_plain = round(statistics.median(latencies) / floor, 2)
    if cell.way != PLAIN and cell.concurrency == 1:
        quoting = statistics.median(
            booked.quoting for one in plain for booked in one.booked if booked.quoting is not None
        )
        pairs = _with_supplier_time(played, database_url)
        figures.supplier_p50 = milliseconds(
            quoting + statistics.median(calls for _, calls in pairs)
        )
        figures.overhead_p50 = milliseconds(
            statistics.median(whole - calls for whole, calls in pairs) - quoting
        )
    return figures


def _with_supplier_time(played: list[Round], database_url: str) -> list[tuple[float, float]]:
    ids = [booked.booking_id for one in played for booked in one.booked]
    seconds = supplier_seconds(database_url, ids)
    return [
        (latency, seconds[booked.booking_id])
        for one in played
        for latency, booked in zip(one.latencies, one.booked, strict=True)
    ]


def _cpu(played: list[Round]) -> dict[str, float]:
    per_booking: dict[str, list[float]] = defaultdict(list)
    for one in played:
        for name, seconds in one.usage.cpu.items():
            per_booking[name].append(seconds / len(one.latencies))
    return {name: milliseconds(statistics.median(used)) for name, used in per_booking.items()}


def of_histories(histories: list[History]) -> tuple[HistoryFigures, list[StepFigures]]:
    """Return what histories have in common: counts, and the steps' times."""

    def median(values: list[int]) -> float:
        return statistics.median(values)

    kinds = sorted({kind for history in histories for kind in history.kinds})
    figures = HistoryFigures(
        bookings=len(histories),
        events=median([h.events for h in histories]),
        bytes=median([h.bytes for h in histories]),
        workflow_tasks=median([h.workflow_tasks for h in histories]),
        activities=median([h.activities for h in histories]),
        local_activities=median([h.local_activities for h in histories]),
        timers=median([h.timers for h in histories]),
        kinds={kind: median([h.kinds.get(kind, 0) for h in histories]) for kind in kinds},
    )
    return figures, _steps(histories)


def _steps(histories: list[History]) -> list[StepFigures]:
    # Steps side by side may begin in any order: the nth of a name is compared with the nth.
    found: dict[tuple[str, int], list[Step]] = defaultdict(list)
    for history in histories:
        seen: Counter[str] = Counter()
        for step in history.steps:
            seen[step.name] += 1
            found[step.name, seen[step.name]].append(step)

    def median(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return milliseconds(statistics.median(known)) if known else None

    steps = [
        StepFigures(
            name=name,
            local=alike[0].local,
            began=median(step.began for step in alike) or 0.0,
            until_next=median(step.until_next for step in alike) or 0.0,
            waited=median(step.waited for step in alike),
            took=median(step.took for step in alike),
        )
        for (name, _), alike in found.items()
    ]
    return sorted(steps, key=lambda step: step.began)


def of_statements(way: str, found: Statements, bookings: int) -> SqlFigures:
    """Return what one booking sends."""
    return SqlFigures(
        way=way,
        statements=round(found.statements / bookings, 1),
        begin_commit=round(found.control / bookings, 1),
        transactions=round(found.transactions / bookings, 1),
        writing_transactions=round(found.writing / bookings, 1),
        by_text={text: round(count / bookings, 2) for text, count in found.by_text.most_common()},
    )


def idle(usage_cpu: dict[str, float], seconds: float) -> dict[str, Any]:
    """Return CPU milliseconds per second by process."""
    return {name: milliseconds(used / seconds) for name, used in usage_cpu.items()}
