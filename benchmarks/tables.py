"""The report as tables for people."""

from rich.console import Console
from rich.table import Table

from benchmarks.figures import CellFigures, Report

_WHO = ("worker", "temporal", "postgres", "api", "sandbox", "client")


def show(report: Report, console: Console, what: str = "A confirmed trip of four items") -> None:
    """Print everything a run has found about booking ``what``."""
    changed = ", ".join(f"{name}={value}" for name, value in report.settings.items())
    console.print(
        f"[bold]{what}[/], {report.cores} cores" + (f", with {changed}" if changed else "")
    )
    console.print(_times(report.cells))
    console.print(_cpu(report))
    console.print(_history(report))
    console.print(_steps(report))
    console.print(_sql(report))
    if report.repeated_rounds:
        console.print(
            f"[yellow]{report.repeated_rounds} rounds were repeated: others used the machine, or"
            " it was slow.[/]"
        )


def new_table(title: str, *headings: str) -> Table:
    """Return an empty table; all columns but the first are numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def _load(cell: CellFigures) -> str:
    slow = f", suppliers {cell.supplier_latency:g} ms" if cell.supplier_latency else ""
    return f"{cell.concurrency} at once{slow}"


def _times(cells: list[CellFigures]) -> Table:
    table = new_table(
        "\nTime of a booking, ms",
        *("Way", "Load", "p50", "p99", "min", "bookings/s", "(range)", "× plain"),
        *("supplier time", "over it", "others' cores", "slowness"),
    )
    for cell in cells:
        table.add_row(
            cell.way,
            _load(cell),
            f"{cell.p50:.1f}",
            f"{cell.p99:.1f}",
            f"{cell.min:.1f}",
            f"{cell.per_second:.1f}",
            f"{cell.per_second_range[0]:.1f}–{cell.per_second_range[1]:.1f}",
            _number(cell.times_plain, 2),
            _number(cell.supplier_p50, 1),
            _number(cell.overhead_p50, 1),
            f"{cell.disturbance:.2f}",
            f"{cell.slowness:.2f}",
        )
    return table


def _cpu(report: Report) -> Table:
    table = new_table("\nCPU of a booking, ms", "Way", "Load", "together", *_WHO)
    for cell in report.cells:
        table.add_row(
            cell.way,
            _load(cell),
            f"{cell.cpu_total:.1f}",
            *(f"{cell.cpu[name]:.1f}" for name in _WHO),
        )
    own = sum(used for who, used in report.idle_cpu.items() if who not in {"client", "sandbox"})
    table.add_row(
        "idle",
        "ms per second",
        f"{own:.1f}",
        *(f"{report.idle_cpu[name]:.1f}" for name in _WHO),
        style="dim",
    )
    return table


def _history(report: Report) -> Table:
    history = report.history
    table = new_table(
        "\nHistory of a booking",
        *("Events", "bytes", "workflow tasks", "activities", "local", "timers"),
    )
    table.add_row(
        f"{history.events:g}",
        f"{history.bytes:g}",
        f"{history.workflow_tasks:g}",
        f"{history.activities:g}",
        f"{history.local_activities:g}",
        f"{history.timers:g}",
    )
    for kind, count in sorted(history.kinds.items(), key=lambda pair: -pair[1]):
        table.add_row(f"[dim]{count:g} {kind}[/]")
    return table


def _steps(report: Report) -> Table:
    table = new_table(
        "\nSteps of a booking alone, ms",
        *("Step", "kind", "began", "to the next", "waited for a worker", "took"),
    )
    for step in report.steps:
        table.add_row(
            step.name,
            "local" if step.local else "activity",
            f"{step.began:.1f}",
            f"{step.until_next:.1f}",
            _number(step.waited, 1),
            _number(step.took, 1),
        )
    return table


def _sql(report: Report) -> Table:
    table = new_table(
        "\nSQL of a booking",
        *("Way", "statements", "BEGIN/COMMIT", "transactions", "of them writing"),
    )
    for sql in report.sql:
        table.add_row(
            sql.way,
            f"{sql.statements:g}",
            f"{sql.begin_commit:g}",
            f"{sql.transactions:g}",
            f"{sql.writing_transactions:g}",
        )
        for text, count in sql.by_text.items():
            table.add_row(f"[dim]  {text}[/]", f"[dim]{count:g}[/]")
    return table


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
