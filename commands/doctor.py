"""``tripsaga doctor``: what is wrong here, and how to mend it."""

import asyncio
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.markup import escape
from rich.table import Table

from commands.checks import Part, examine, examine_one
from commands.findings import Finding
from commands.options import AsJson
from commands.output import Code, as_json, out
from commands.target import find_target
from settings import problems_in

_MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "wrong": "[bold red]✗[/]"}


def doctor(
    *,
    only: Annotated[Part | None, typer.Option(help="Look at this running part only.")] = None,
    here: Annotated[
        bool, typer.Option("--here", help="With --only worker: workers on this host only.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Check everything that booking a trip depends on; ends with 1 when something is wrong."""
    try:
        target = find_target()
    except (SettingsError, ValidationError) as error:  # nothing else can be asked without them
        findings = [Finding("settings", "wrong", problem) for problem in problems_in(error)]
    else:
        checks = examine(target) if only is None else examine_one(target, only, here=here)
        findings = asyncio.run(checks)
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    if json:
        as_json({"healthy": not wrong, "findings": [finding.as_json() for finding in findings]})
        raise typer.Exit(Code.BAD if wrong else Code.DONE)
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(_MARKS[finding.verdict], finding.name, escape(finding.what))
        if finding.mend and finding.verdict != "ok":
            table.add_row("", "", f"[dim]→ {escape(finding.mend)}[/]")
    out.print(table)
    out.print()
    if wrong:
        out.print(f"[bold red]{wrong} of {len(findings)} checks found something wrong.[/]")
        raise typer.Exit(Code.BAD)
    out.print("[bold green]All is well.[/]")
