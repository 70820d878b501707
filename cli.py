"""``tripsaga``: the command line of this system. Each command lives in ``commands/``."""

import os
import sys

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.markup import escape

from commands import (
    bookings,
    cases,
    doctor,
    faults,
    keys,
    ledger,
    migrate,
    reconcile,
    serve,
    suppliers,
    up,
)
from commands.output import err

app = typer.Typer(
    name="tripsaga",
    help="Books a whole trip, or nothing: flight, hotel, experiences and payment in one saga.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_WORLD, _TRIPS, _PARTS = "The local world", "Trips", "Single processes"

app.command(rich_help_panel=_WORLD)(up.up)
app.command(rich_help_panel=_WORLD)(doctor.doctor)
app.add_typer(faults.app, name="fault", rich_help_panel=_WORLD)
app.add_typer(keys.app, name="key", rich_help_panel=_WORLD)
app.add_typer(cases.app, name="cases", rich_help_panel=_TRIPS)
app.add_typer(ledger.app, name="ledger", rich_help_panel=_TRIPS)
app.command(rich_help_panel=_TRIPS)(reconcile.reconcile)
app.command(rich_help_panel=_TRIPS)(suppliers.suppliers)
app.command(rich_help_panel=_TRIPS)(bookings.book)
app.command(rich_help_panel=_TRIPS)(bookings.show)
app.command(rich_help_panel=_TRIPS)(bookings.cancel)
app.command(rich_help_panel=_TRIPS)(bookings.card)
app.command(rich_help_panel=_PARTS)(serve.api)
app.command(rich_help_panel=_PARTS)(serve.worker)
app.command(rich_help_panel=_PARTS)(serve.codec)
app.command(rich_help_panel=_PARTS)(serve.sandbox)
app.command(rich_help_panel=_PARTS)(migrate.migrate)


def main() -> None:
    """Run the command line and leave with its exit code."""
    code: object = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    except SettingsError as error:
        err.print(f"[bold red]✗[/] {escape(str(error))}", soft_wrap=True)
        code = 2
    except ValidationError as error:  # of the settings
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            what = problem["msg"].removeprefix("Value error, ")
            message = f"{name}: {what}" if name else what
            err.print(f"[bold red]✗[/] {escape(message)}", soft_wrap=True)
        code = 2
    sys.stdout.flush()
    sys.stderr.flush()
    if "temporalio" in sys.modules:
        # The SDK's native threads can abort the interpreter at its very end (SIGABRT), after
        # everything is done and closed: leave without that end.
        os._exit(code if isinstance(code, int) else int(code is not None))
    sys.exit(code if isinstance(code, int | str) else None)


if __name__ == "__main__":
    main()
