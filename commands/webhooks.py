"""``tripsaga webhooks``: endpoints that are told of events, through the API."""

import contextlib
import json as text
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape
from rich.table import Table

from commands.asking import ask, say_next
from commands.options import AsJson
from commands.output import Code, as_json, give_up, one_line, out
from commands.webhook_listener import Listener

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Have a receiver told of events: subscribe it, test it, see what it was sent.",
)
PATH = "/api/v1/webhook-endpoints"

Id = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id.")]
Position = Annotated[int, typer.Argument(help="The event's position in the feed.", min=1)]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Only events of this type; may be repeated.")
]


@app.command()
def subscribe(
    url: Annotated[str, typer.Argument(help="Where events are to be sent.")],
    *,
    types: Types = None,
    json: AsJson = False,
) -> None:
    """Make an endpoint and show its secret."""
    endpoint = ask("POST", PATH, json={"url": url, "types": types or []})
    if json:
        as_json(endpoint)
        return
    out.print(f"[bold green]✓[/] events are sent to {escape(endpoint['url'])}, signed with:")
    _show_secret(endpoint)
    say_next("webhooks", "test", endpoint["id"])


@app.command(name="list")
def list_endpoints(*, json: AsJson = False) -> None:
    """List endpoints, oldest first."""
    found = ask("GET", PATH)["endpoints"]
    if json:
        as_json(found)
        return
    if not found:
        out.print("No endpoint is subscribed: [bold]tripsaga webhooks subscribe URL[/]")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Endpoint", "Status", "URL", "Types", "Why"):
        table.add_column(heading)
    for one in found:
        why = one.get("disabled_reason") or (
            f"fails since {_at(one['failing_since'])}" if "failing_since" in one else ""
        )
        types = ", ".join(one["types"]) or "all"
        table.add_row(one["id"], one["status"], escape(one["url"]), types, escape(why))
    out.print(table)


@app.command(name="test")
def send_test(endpoint: Id, *, json: AsJson = False) -> None:
    """Send a test message now and tell what came of it; ends with 1 when it was not taken."""
    told = ask("POST", f"{PATH}/{endpoint}/test")
    if json:
        as_json(told)
    elif told["delivered"]:
        out.print(f"[bold green]✓[/] answered {told['status']} in {told['milliseconds']} ms")
    if not told["delivered"]:
        give_up(one_line(told["error"]), code=Code.BAD)


@app.command()
def deliveries(
    endpoint: Id,
    *,
    state: Annotated[
        str | None, typer.Option(help="PENDING, DELIVERED, FAILED or DROPPED.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1, max=100)] = 20,
    json: AsJson = False,
) -> None:
    """List what an endpoint was sent, and what it will be."""
    query = {"limit": str(limit), **({"state": state} if state else {})}
    page = ask("GET", f"{PATH}/{endpoint}/deliveries", params=query)
    found = page["deliveries"]
    if json:
        as_json(found)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Position", "State", "Type", "Booking", "Tries", "Next", "Last"):
        table.add_column(heading)
    for one in found:
        last = one.get("last_error") or one.get("last_status") or ""
        table.add_row(
            *(str(one["position"]), one["state"], one["type"], one["booking_id"]),
            *(str(one["attempts"]), _at(one.get("next_attempt_at")), escape(one_line(last))),
        )
    out.print(table if found else "Nothing was sent yet")
    if "next_cursor" in page:
        out.print(f"[dim]there are more than {limit}[/]")


@app.command()
def retry(endpoint: Id, position: Position, *, json: AsJson = False) -> None:
    """Have an event delivered (again) now."""
    told = ask("POST", f"{PATH}/{endpoint}/deliveries/{position}/retry")
    if json:
        as_json(told)
        return
    out.print(f"[bold green]✓[/] {told['type']} of {told['booking_id']} is sent now")
    say_next("webhooks", "deliveries", endpoint)


@app.command()
def rotate(
    endpoint: Id,
    *,
    expire_old_now: Annotated[
        bool, typer.Option("--expire-old-now", help="The new one alone signs: the old one leaked.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make another secret; the one before it signs as well for 24 hours."""
    query = {"expire_old_now": "true"} if expire_old_now else None
    told = ask("POST", f"{PATH}/{endpoint}/rotate-secret", params=query)
    if json:
        as_json(told)
        return
    out.print("[bold green]✓[/] messages are signed with another secret:")
    _show_secret(told)


@app.command()
def recover(
    endpoint: Id,
    *,
    after: Annotated[
        int | None, typer.Option(help="A position of the feed: the events behind it.", min=0)
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="What happened then or later (2031-03-01T09:00:00Z).")
    ] = None,
    json: AsJson = False,
) -> None:
    """Resume an endpoint and have what it missed delivered; by default all it is known to miss."""
    current = ask("PATCH", f"{PATH}/{endpoint}", json={"status": "ACTIVE"})
    if after is None and since is None:
        after = current.get("missing_after")
        if after is None:
            give_up("nothing is missing", code=Code.REFUSED, mend="name --after or --since")
    asked: dict[str, Any] = {"after": after} if since is None else {"since": since}
    made = 0
    while True:
        told = ask("POST", f"{PATH}/{endpoint}/recover", json=asked)
        made += told["deliveries"]
        if not told["more"]:
            break
        asked = {"after": told["through"]}
    if json:
        as_json({**told, "deliveries": made})
        return
    out.print(f"[bold green]✓[/] {made} deliveries are made again")


@app.command()
def unsubscribe(endpoint: Id) -> None:
    """Delete an endpoint; what is pending is not sent."""
    ask("DELETE", f"{PATH}/{endpoint}")
    out.print("[bold green]✓[/] it is told nothing more")


@app.command()
def listen(
    *,
    types: Types = None,
    port: Annotated[int, typer.Option(help="Of this machine; 0: a free one.")] = 0,
    count: Annotated[
        int | None, typer.Option(help="End after so many messages, the test's included.", min=1)
    ] = None,
    json: AsJson = False,
) -> None:
    """Receive events here and show them, until Ctrl-C; for a local world only.

    Starts a receiver on this machine, subscribes it, tests it, verifies what comes, and deletes
    the endpoint at the end.
    """

    def show(event: dict[str, Any], again: bool) -> None:
        if json:
            typer.echo(text.dumps(event, separators=(",", ":")))
            return
        data = event.get("data", {})
        about = data.get("reference") or event.get("subject", "")
        words = " ".join(filter(None, (data.get("status"), "(again)" if again else "")))
        moment = str(event.get("time", ""))[11:19]
        out.print(
            f"[dim]{escape(moment)}[/] [bold]{escape(str(event.get('type')))}[/]"
            f" {escape(one_line(about))} {escape(one_line(words))}"
        )

    listener = Listener(show)
    with contextlib.ExitStack() as stack:
        try:
            bound = stack.enter_context(listener.listening(port))
        except OSError as error:
            give_up(f"port {port} cannot be had: {error.strerror}", code=Code.USAGE)
        url = f"http://127.0.0.1:{bound}/"
        body = {"url": url, "types": types or [], "description": "tripsaga webhooks listen"}
        endpoint = ask("POST", PATH, json=body)
        stack.callback(_forget, endpoint["id"])
        listener.secret = endpoint["secret"]
        if not json:
            out.print(f"[bold green]✓[/] listening at {url}; Ctrl-C ends it")
        told = ask("POST", f"{PATH}/{endpoint['id']}/test")
        if not told["delivered"]:
            give_up(f"the test message did not arrive: {told['error']}", code=Code.BAD)
        with contextlib.suppress(KeyboardInterrupt):
            listener.wait_for(count)
    if not json:
        out.print(f"[bold green]✓[/] {listener.count} messages, all verified; unsubscribed")


def _forget(endpoint_id: str) -> None:
    # A command that ends for another reason says that, and not that it could not clean up.
    with contextlib.suppress(typer.Exit):
        ask("DELETE", f"{PATH}/{endpoint_id}", without=frozenset({httpx.codes.NOT_FOUND}))


def _at(moment: str | None) -> str:
    return moment[:16].replace("T", " ") if moment else ""


def _show_secret(endpoint: dict[str, Any]) -> None:
    out.print(f"\n  [bold]{endpoint['secret']}[/]\n", soft_wrap=True)
    out.print("[dim]It is shown now only; the receiver verifies with it (docs/webhooks.md).[/]")
