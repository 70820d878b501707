"""``tripsaga env``: addresses and key of the local world, for a shell."""

import shlex

from commands.options import AsJson
from commands.output import Code, as_json, give_up
from commands.target import find_target
from localworld import services
from localworld.places import Places


def env(*, json: AsJson = False) -> None:
    """Print what a shell needs to call the API: eval "$(tripsaga env)"."""
    import typer

    target = find_target()
    if not target.api_key:
        give_up("no local world runs here", code=Code.AWAY, mend="start one with `make run`")
    found = services.read(Places.of_this_checkout().services)
    names = {
        "API": target.api,
        "KEY": target.api_key,
        "SANDBOX": target.sandbox,
        "DB": target.settings.database.url,
        **({"CODEC": found["codec"]} if found else {}),
    }
    if json:
        as_json(names)
        return
    for name, value in names.items():
        # Not exported: what our processes read from the environment has names like these.
        typer.echo(f"{name}={shlex.quote(value)}")
