"""An API that dies by SIGKILL at one exact point between the claim of a key and its answer, once.

Or that stands still there until it is told to go on (SIGCONT): ``DIE_SIGNAL=SIGSTOP``.

``DIE_AT`` is ``claimed`` (the key is ours, nothing is done), ``worked`` (it is done, and no answer
is stored), ``finished`` (stored, and nobody was told), or a number: at so many times that the
request has waited for something, whatever for. Everything else about it is the real API.
"""

import os
import signal
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from api.__main__ import main
from api.core import stored_answers
from models.core import idempotency

table: Any = idempotency

POINT = os.environ["DIE_AT"]
SIGNAL = signal.Signals[os.environ.get("DIE_SIGNAL", "SIGKILL")]


def die() -> None:
    os.kill(os.getpid(), SIGNAL)


def _dying_after(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def dying(*args: Any, **kwargs: Any) -> Any:
        result = await call(*args, **kwargs)
        die()
        return result

    return dying


class _Counted:
    """A coroutine that is the end of its process when it has waited so many times."""

    def __init__(self, coroutine: Awaitable[Any], times: int) -> None:
        self._coroutine = coroutine
        self._left = times

    def __await__(self) -> Generator[Any, Any, Any]:
        running = self._coroutine.__await__()
        sent: Any = None
        error: BaseException | None = None
        while True:
            try:
                waits = running.throw(error) if error is not None else running.send(sent)
            except StopIteration as ended:
                return ended.value
            self._left -= 1
            if self._left == 0:
                die()
            try:
                sent, error = (yield waits), None
            except BaseException as thrown:  # noqa: BLE001 - handed on
                error = thrown


def _counting(answer: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def counted(*args: Any, **kwargs: Any) -> Any:
        return await _Counted(answer(*args, **kwargs), int(POINT))

    return counted


if __name__ == "__main__":
    keeper: Any = stored_answers._Keeper
    match POINT:
        case "claimed":
            table.claim = _dying_after(table.claim)
        case "finished":
            table.finish = _dying_after(table.finish)
        case "worked":
            keeper._in_words = _dying_after(keeper._in_words)
        case _:
            keeper.answer = _counting(keeper.answer)
    main()
