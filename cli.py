"""``tripsaga``: the command line of this system. Each command lives in ``commands/``."""

import os
import sys
from collections import UserDict
from importlib import import_module
from typing import Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.markup import escape
from typer.core import TyperGroup

from commands.output import err

_WORLD, _TRIPS, _PARTS = "The local world", "Trips", "Single processes"

# Name, where it is, and the panel of `tripsaga --help` that shows it.
_COMMANDS = {
    "up": ("commands.up:up", _WORLD),
    "doctor": ("commands.doctor:doctor", _WORLD),
    "fault": ("commands.faults:app", _WORLD),
    "key": ("commands.keys:app", _WORLD),
    "env": ("commands.env:env", _WORLD),
    "kill": ("commands.kill:kill", _WORLD),
    "temporal": ("commands.temporal_cli:temporal", _WORLD),
    "book": ("commands.bookings:book", _TRIPS),
    "list": ("commands.listing:list_", _TRIPS),
    "show": ("commands.bookings:show", _TRIPS),
    "why": ("commands.why:why", _TRIPS),
    "open": ("commands.open:open_", _TRIPS),
    "attempts": ("commands.attempts:attempts", _TRIPS),
    "cancel": ("commands.bookings:cancel", _TRIPS),
    "modify": ("commands.modify:modify", _TRIPS),
    "card": ("commands.bookings:card", _TRIPS),
    "refund": ("commands.refund:refund", _TRIPS),
    "resolve": ("commands.resolve:resolve", _TRIPS),
    "cases": ("commands.cases:app", _TRIPS),
    "ledger": ("commands.ledger:app", _TRIPS),
    "reconcile": ("commands.reconcile:reconcile", _TRIPS),
    "suppliers": ("commands.suppliers:suppliers", _TRIPS),
    "api": ("commands.serve:api", _PARTS),
    "worker": ("commands.serve:worker", _PARTS),
    "codec": ("commands.serve:codec", _PARTS),
    "sandbox": ("commands.serve:sandbox", _PARTS),
    "migrate": ("commands.migrate:migrate", _PARTS),
}


# What another program is given as it is, its `--help` included.
_PASSES_ON = {
    "temporal": {
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": ["--help-of-tripsaga"],
    }
}


class _Commands(UserDict[str, Any]):
    """Imports a command when it is looked up: few need SQLAlchemy, Alembic and Temporal's SDK."""

    def __getitem__(self, name: str) -> Any:
        where, panel = self.data[name]
        module, _, attribute = where.partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command(name=name, context_settings=_PASSES_ON.get(name))(found)
            found = alone
        command = typer.main.get_command(found)
        command.name = name
        command.rich_help_panel = panel  # type: ignore[attr-defined]
        return command

    def get(self, name: str, default: Any = None) -> Any:
        """Return a command; an error in its module is none of "no such command"."""
        return self[name] if name in self.data else default


class _Group(TyperGroup):
    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.commands = _Commands(_COMMANDS)


app = typer.Typer(
    name="tripsaga",
    help="Books a whole trip, or nothing: flight, hotel, experiences and payment in one saga.",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _tripsaga() -> None:
    """What typer asks of a group that names its commands itself."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    code: object = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    except (SettingsError, ValidationError) as error:
        from settings import problems_in

        for problem in problems_in(error):
            err.print(f"[bold red]✗[/] {escape(problem)}", soft_wrap=True)
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
