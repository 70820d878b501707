"""``tripsaga temporal``: the Temporal CLI, pointed at the system that commands here call."""

import os

import typer

from commands.output import Code, give_up
from commands.target import find_target
from localworld import services, temporal_binary
from localworld.places import Places


def temporal(context: typer.Context) -> None:
    """Run the Temporal CLI with address, namespace and codec endpoint set; all else is its own.

    Such as ``tripsaga temporal workflow show --workflow-id ID``. What is set by you wins.
    """
    binary = temporal_binary.find()
    if binary is None:
        give_up("there is no Temporal CLI here", code=Code.AWAY, mend="`make tools` fetches it")
    target = find_target()
    found = services.read(Places.of_this_checkout().services)
    known = {
        "TEMPORAL_ADDRESS": target.settings.temporal.address,
        "TEMPORAL_NAMESPACE": target.settings.temporal.namespace,
        **({"TEMPORAL_CODEC_ENDPOINT": found["codec"]} if found else {}),
    }
    arguments = list(context.args)
    os.execve(binary, [str(binary), *arguments], {**known, **os.environ})  # noqa: S606
