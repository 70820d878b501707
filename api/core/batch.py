"""Look-ups that many ask for at once: one statement serves all who ask in this process."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Batch(Generic[Found]):
    """Looks up many keys at a time: what is asked while a look-up runs shares the next one."""

    def __init__(
        self,
        look_up: Callable[[Collection[str]], Awaitable[Mapping[str, Found]]],
        *,
        pause: float = 0.0,
    ) -> None:
        """Prepare; ``look_up`` returns what it finds by key.

        After a look-up that did not find everything the next one waits ``pause`` seconds, so that
        questions about what does not exist cost the same however many they are.
        """
        self._look_up = look_up
        self._pause = pause
        self._asked: dict[str, asyncio.Future[Found | None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def find(self, key: str) -> Found | None:
        """Return what a look-up finds that begins after this call; None: nothing.

        Raises:
            Exception: as ``look_up``.
        """
        answer = self._asked.setdefault(key, asyncio.get_running_loop().create_future())
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(answer)  # others wait for it too, whoever gives up

    async def _look(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, {}
            try:
                found = await self._look_up(asked)
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked
                for answer in asked.values():
                    answer.set_exception(error)
            else:
                for key, answer in asked.items():
                    answer.set_result(found.get(key))
                if self._pause and len(found) < len(asked):
                    await asyncio.sleep(self._pause)
        self._looking = None
