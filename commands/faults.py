"""``tripsaga fault``: what shall go wrong in the sandbox."""

from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape
from rich.table import Table

from commands.asking import say_next
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out, reason
from commands.target import find_target
from commands.world import refuse_anothers_sandbox

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Arm, list and clear faults of the sandbox."
)


@app.command()
def arm(
    supplier: Annotated[
        str,
        typer.Argument(
            help="A supplier (amadeus, duffel …), rates, inventory, pricing, stripe or"
            " payment_service."
        ),
    ],
    operation: Annotated[
        str,
        typer.Argument(
            help="quote, book, complete, find, cancel; of the gateways create, confirm, capture,"
            " cancel, refund, retrieve; of the inventory check, reserve, update, release; of"
            " pricing calculate, estimate."
        ),
    ],
    kind: Annotated[
        str,
        typer.Argument(
            help="refuse, error, reset, hang, commit_then_hang, late_commit, commit_then_error,"
            " duplicate, malformed, price_drift, authenticate, short_hold or slow."
        ),
    ],
    *,
    nth: Annotated[
        int | None, typer.Option(help="Fire from this call on (default: the next).")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Fire by chance instead, 0 to 1.")] = None,
    times: Annotated[
        int | None, typer.Option(help="Fire so often at most (default: once).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the chance.")] = 0,
    seconds: Annotated[
        float | None, typer.Option(help="How long it delays, where it does.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Let the next matching call to a supplier go wrong."""
    fault = arm_fault(
        supplier=supplier,
        operation=operation,
        kind=kind,
        nth=nth,
        rate=rate,
        times=times,
        seed=seed,
        seconds=seconds,
    )
    if json:
        as_json(fault)
        return
    out.print(f"[green]✓[/] armed [bold]{fault['id']}[/]: {_sentence(fault)}")
    say_next("reserve" if supplier in {"inventory", "pricing"} else "book", "--watch")


@app.command(name="list")
def list_faults(*, json: AsJson = False) -> None:
    """Show the armed faults and how often each has fired."""
    faults = call("GET", "/_sandbox/faults")
    if json:
        as_json(faults)
        return
    if not faults:
        out.print("Nothing is armed: everything works.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Id", "What goes wrong", "Calls seen", "Fired"):
        table.add_column(heading, justify="right" if heading in ("Calls seen", "Fired") else "left")
    for fault in faults:
        table.add_row(fault["id"], _sentence(fault), str(fault["calls"]), str(fault["fired"]))
    out.print(table)


@app.command()
def clear(
    fault: Annotated[str | None, typer.Argument(help="Its id; without, all are cleared.")] = None,
    *,
    json: AsJson = False,
) -> None:
    """Disarm one fault, or all."""
    answer = call("DELETE", f"/_sandbox/faults/{fault}" if fault else "/_sandbox/faults")
    if json:
        as_json(answer)
        return
    out.print(f"[green]✓[/] {answer['cleared']} cleared")


def arm_fault(**order: Any) -> dict[str, Any]:
    """Arm a fault of the running sandbox and return it; problems end the command."""
    fault_order = {name: value for name, value in order.items() if value is not None}
    fault: dict[str, Any] = call("POST", "/_sandbox/faults", fault_order)
    return fault


def call(method: str, path: str, body: Any = None) -> Any:
    """Call the sandbox and return its answer; problems end the command."""
    target = find_target()
    base = target.sandbox
    refuse_anothers_sandbox(target)
    try:
        answer = httpx.request(method, base + path, json=body, timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        give_up(
            f"the sandbox at {base} does not answer ({error})",
            code=Code.AWAY,
            mend="start the local world with `make run`",
        )
    if answer.is_error:
        give_up(reason(answer), code=Code.REFUSED)
    return answer.json()


def _sentence(fault: dict[str, Any]) -> str:
    when = (
        f"at {fault['rate']:.0%} of calls (seed {fault['seed']})"
        if fault["rate"] is not None
        else f"from call {fault['nth']} on"
    )
    often = f", {fault['times']}×" if fault["times"] else ""
    delay = f", {fault['seconds']:g} s" if fault["kind"] in _TIMED else ""
    return escape(f"{fault['supplier']} {fault['operation']}: {fault['kind']} {when}{often}{delay}")


_TIMED = frozenset({"hang", "commit_then_hang", "late_commit", "slow", "short_hold"})
