"""``tripsaga kill``: end a process of the local world, to see what survives it."""

import os
import signal
from enum import StrEnum
from typing import Annotated

import typer

from commands.output import Code, give_up, out
from commands.target import find_target


class Process(StrEnum):
    """A process of the local world that is started again when it ends."""

    WORKER = "worker"
    API = "api"
    SANDBOX = "sandbox"
    TEMPORAL = "temporal"
    CODEC = "codec"


def kill(
    process: Annotated[Process, typer.Argument(help="Which one.")],
    *,
    after: Annotated[float, typer.Option(min=0, help="Seconds to wait before.")] = 0,
) -> None:
    """Kill a process of the local world, without warning (SIGKILL). It is started again."""
    if after:
        import time

        time.sleep(after)
    pid = find_target().pids.get(process)
    if not pid:
        give_up(
            f"no {process} runs here", code=Code.AWAY, mend="start the local world with `make run`"
        )
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        give_up(
            f"the {process} ({pid}) has ended already",
            code=Code.REFUSED,
            mend="it is being started again",
        )
    out.print(f"[green]✓[/] {process} ({pid}) is killed; `make run` starts another")
