"""``tripsaga``: the command line of this system. Each command lives in ``commands/``."""

import os
import sys
from collections import UserDict
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

_WORLD, _TRIPS, _PARTS = "The local world", "Trips and reservations", "Single processes"

# Name: where it is, the panel of `tripsaga --help` that shows it, and what stands there of it.
_COMMANDS = {
    "up": (
        "commands.up:up",
        _WORLD,
        "Start everything on this machine, book a sample trip and a table, stay up until Ctrl-C.",
    ),
    "doctor": (
        "commands.doctor:doctor",
        _WORLD,
        "Check everything that booking a trip depends on; ends with 1 when something is wrong.",
    ),
    "fault": ("commands.faults:app", _WORLD, "Arm, list and clear faults of the sandbox."),
    "key": ("commands.keys:app", _WORLD, "Make, rotate, list and revoke API keys of callers."),
    "users": (
        "commands.users:app",
        _WORLD,
        "List users; make admins, block, unlock, reset a second factor.",
    ),
    "login": (
        "commands.login:login",
        _WORLD,
        "Sign in with a code; in the local world it is read from the sandbox's mailbox and shown.",
    ),
    "env": (
        "commands.env:env",
        _WORLD,
        'Print what a shell needs to call the API: eval "$(tripsaga env)".',
    ),
    "kill": (
        "commands.kill:kill",
        _WORLD,
        "Kill a process of the local world, without warning (SIGKILL). It is started again.",
    ),
    "temporal": (
        "commands.temporal_cli:temporal",
        _WORLD,
        "Run the Temporal CLI with address, namespace and codec endpoint set; all else is its own.",
    ),
    "book": (
        "commands.bookings:book",
        _TRIPS,
        "Have the planner put a sample trip together, and book it.",
    ),
    "reserve": (
        "commands.reservations:reserve",
        _TRIPS,
        "Reserve a place at a venue; the deposit is paid where there is one.",
    ),
    "check-in": (
        "commands.reservations:check_in",
        _TRIPS,
        "Note that the guests of a reservation have come.",
    ),
    "complete": (
        "commands.reservations:complete",
        _TRIPS,
        "Note that the visit of a reservation is over.",
    ),
    "no-show": (
        "commands.reservations:no_show",
        _TRIPS,
        "Note that the guests of a reservation did not come; what was paid is kept.",
    ),
    "times": (
        "commands.times:app",
        _TRIPS,
        "Whether reservations are when their guests think they are.",
    ),
    "list": (
        "commands.listing:list_",
        _TRIPS,
        "List bookings, newest first; all that is given must fit.",
    ),
    "show": (
        "commands.bookings:show",
        _TRIPS,
        "Show a booking: its parts, its payment and its history.",
    ),
    "why": (
        "commands.why:why",
        _TRIPS,
        "Tell what happened to a booking and why: every step, call, refund and case, in order.",
    ),
    "open": (
        "commands.open:open_",
        _TRIPS,
        "Open the Temporal Web UI at a booking's workflows, or at all in some states.",
    ),
    "attempts": (
        "commands.attempts:attempts",
        _TRIPS,
        "List calls that have an effect, newest first: when, what, and how they ended.",
    ),
    "cancel": (
        "commands.bookings:cancel",
        _TRIPS,
        "Cancel a booking, or parts of it, after showing what is kept and given back.",
    ),
    "modify": (
        "commands.modify:modify",
        _TRIPS,
        "Swap, drop or add components: show what the change costs, ask, and have it made.",
    ),
    "card": (
        "commands.bookings:card",
        _TRIPS,
        "Send another card for a booking whose card was refused; the booking goes on.",
    ),
    "refund": (
        "commands.refund:refund",
        _TRIPS,
        "Refund an amount out of goodwill; what stands of the trip is not touched.",
    ),
    "resolve": (
        "commands.resolve:resolve",
        _TRIPS,
        "Decide an open case of a booking; its workflow carries the decision out.",
    ),
    "cases": ("commands.cases:app", _TRIPS, "List what an operator must settle; settle it."),
    "ledger": ("commands.ledger:app", _TRIPS, "Balances, statements, checks and commission."),
    "reconcile": (
        "commands.reconcile:reconcile",
        _TRIPS,
        "Show a day's payments in the record, at the gateway and in the ledger.",
    ),
    "events": (
        "commands.events:app",
        _TRIPS,
        "Follow what happens to bookings; who is told of it, and what they refused.",
    ),
    "suppliers": (
        "commands.suppliers:suppliers",
        _TRIPS,
        "Show how every supplier does: its circuit, and its calls of the last day.",
    ),
    "webhooks": (
        "commands.webhooks:app",
        _TRIPS,
        "Have a receiver told of events: subscribe it, test it, see what it was sent.",
    ),
    "api": ("commands.serve:api", _PARTS, "Serve the public API."),
    "worker": (
        "commands.serve:worker",
        _PARTS,
        "Run workflows and activities until told to stop; run as many as you like.",
    ),
    "codec": (
        "commands.serve:codec",
        _PARTS,
        "Serve the codec endpoint, with which Temporal's Web UI reads encrypted payloads.",
    ),
    "sandbox": (
        "commands.serve:sandbox",
        _PARTS,
        "Serve the sandbox: suppliers, Stripe and trip planner, faulty on demand.",
    ),
    "migrate": (
        "commands.migrate:migrate",
        _PARTS,
        "Bring the database's tables, and Temporal's search attributes and schedule, up to date.",
    ),
}

_CODES = (
    "Ends with 0: done. 1: done, and what came of it is bad. 2: arguments or settings are wrong."
    " 3: who was asked refused. 4: who was asked did not answer. 130: Ctrl-C."
)


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
        where, panel, _ = self.data[name]
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

    def format_help(self, *args: Any) -> None:
        """List the commands without importing them."""
        self.commands = {
            name: TyperCommand(name, help=words, rich_help_panel=panel)
            for name, (_, panel, words) in _COMMANDS.items()
        }
        super().format_help(*args)


app = typer.Typer(
    name="tripsaga",
    help="Books a whole trip, or nothing: flight, hotel, experiences and payment in one saga; and"
    " reserves places at venues.",
    epilog=_CODES,
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tripsaga {version('tripsaga')}")
        raise typer.Exit


@app.callback()
def _tripsaga(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What typer asks of a group that names its commands itself."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    code: object = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    except ValueError as error:
        problems = _settings_problems(error)
        if problems is None:
            raise
        from rich.markup import escape

        from commands.output import Code, err

        for problem in problems:
            err.print(f"[bold red]✗[/] {escape(problem)}", soft_wrap=True)
        code = Code.USAGE
    sys.stdout.flush()
    sys.stderr.flush()
    if "temporalio" in sys.modules:
        # The SDK's native threads can abort the interpreter at its very end (SIGABRT), after
        # everything is done and closed: leave without that end.
        os._exit(code if isinstance(code, int) else int(code is not None))
    sys.exit(code if isinstance(code, int | str) else None)


def _settings_problems(error: ValueError) -> list[str] | None:
    """Return what is wrong with the settings; None when the error is another one."""
    if "settings" not in sys.modules:
        return None
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from settings import problems_in

    return problems_in(error) if isinstance(error, (ValidationError, SettingsError)) else None


if __name__ == "__main__":
    main()
