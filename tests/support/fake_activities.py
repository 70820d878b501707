"""Workflows on the real Temporal server, with activities that answer as a test says.

Real are the server, the workflow code and the contracts of ``models.calls``: every answer passes
through them and the data converter. There is no worker process, sandbox or PostgreSQL, so that a
run takes a tenth of a second. What activities do is proved elsewhere, on the real ones.

    fakes = FakeActivities()
    fakes.on(calls.BOOK_ITEM, BookedItem(refused=problem))
    async with running(client, fakes, workflows=[BookTrip], patience=patience, providers=[…]):
        await client.execute_workflow(BookTrip.run, request, id=…, task_queue=patience.task_queue)
    assert [call.item for call in fakes.asked(calls.BOOK_ITEM)] == [1]

Nothing here knows a workflow's insides: a test says what activities answer, and looks at what was
asked of them and at what the workflow returns.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.core.failures import application_error
from models.calls import ALL_CALLS
from models.core.calls import Call, Input, Output
from models.core.errors import Fault
from models.core.patience import Patience

_In = TypeVar("_In")
_Out = TypeVar("_Out")

Answer: TypeAlias = (
    _Out | Exception | Callable[[_In], _Out | Exception | Awaitable[_Out | Exception]]
)
"""What a call is answered: a value, an exception, or a function of the message that gives either.

A ``Fault`` of ``models.core.errors`` reaches the workflow as it does from the real activities:
repeated by the retry policy, or at once for good where it is unsettled.
"""


class Gate:
    """An answer that is held back until a test lets it through.

        gate = Gate(BookedItem(…))
        fakes.on(calls.BOOK_ITEM, gate)
        …
        await gate.reached.wait()
        gate.opened.set()

    Not for local activities: a workflow hears of nothing while one of them is under way.
    """

    def __init__(self, answer: Answer[Any, Any]) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self._answer = answer

    async def __call__(self, message: Any) -> Any:
        """Wait to be opened, then answer."""
        self.reached.set()
        await self.opened.wait()
        return await _answer(self._answer, message)


class FakeActivities:
    """Every activity of ``models.calls``, answering as told and remembering what was asked."""

    def __init__(self) -> None:
        self.story: list[tuple[str, BaseModel]] = []
        """What was asked, in order: the name of the call and the message, repeats included."""
        self.unexpected: list[str] = []
        """Calls that nobody had an answer for: a test that meets one fails."""
        self._answers: dict[str, list[Answer[Any, Any]]] = {}

    def on(self, call: Call[Input, Output], *answers: Answer[Output, Input]) -> None:
        """Answer ``call`` with ``answers``, one after the other; the last one from then on.

        Replaces earlier answers for this call.
        """
        self._answers[call.name] = list(answers)

    def asked(self, call: Call[Input, Output]) -> list[Input]:
        """Return the messages of a call so far, oldest first."""
        return [m for name, m in self.story if name == call.name and isinstance(m, call.input)]

    def names(self, *calls: Call[Any, Any]) -> list[str]:
        """Return the names of the calls made so far, in order: of ``calls`` only, or of all."""
        names = {call.name for call in calls}
        return [name for name, _ in self.story if not names or name in names]

    def activities(self) -> list[Callable[..., Any]]:
        """Return the activities, for a worker."""
        return [self._activity(call) for call in ALL_CALLS]

    def _activity(self, call: Call[BaseModel, BaseModel]) -> Callable[..., Any]:
        async def perform(message: Any) -> Any:
            self.story.append((call.name, message))
            answers = self._answers.get(call.name)
            if not answers:
                self.unexpected.append(call.name)
                raise ApplicationError(f"no answer to {call.name}", non_retryable=True)
            answer = await _answer(answers.pop(0) if len(answers) > 1 else answers[0], message)
            if isinstance(answer, Fault):
                raise application_error(answer)
            if isinstance(answer, Exception):
                raise answer
            assert isinstance(answer, call.output), f"{call.name} cannot answer {answer!r}"
            return answer

        perform.__annotations__ = {"message": call.input, "return": call.output}
        return activity.defn(name=call.name)(perform)


async def _answer(answer: Answer[Any, Any], message: Any) -> Any:
    found = answer(message) if callable(answer) else answer
    return await found if inspect.isawaitable(found) else found


@asynccontextmanager
async def running(
    client: Client,
    fakes: FakeActivities,
    *,
    workflows: Sequence[type],
    patience: Patience,
    providers: Iterable[str],
) -> AsyncIterator[None]:
    """Run workers for ``patience.task_queue`` and the queue of each provider, in this process.

    An exception that is none of Temporal's fails the workflow, instead of being tried again until
    the code is mended: a test sees it at once.

    Raises:
        AssertionError: at the end, when a call was made that nobody had an answer for.
    """
    activities = fakes.activities()
    async with AsyncExitStack() as workers:
        await workers.enter_async_context(
            Worker(
                client,
                task_queue=patience.task_queue,
                workflows=workflows,
                activities=activities,
                workflow_runner=UnsandboxedWorkflowRunner(),
                workflow_failure_exception_types=[Exception],
            )
        )
        for provider in set(providers):
            queue = patience.queue(provider)
            await workers.enter_async_context(
                Worker(client, task_queue=queue, activities=activities)
            )
        yield
    assert not fakes.unexpected, f"nobody had an answer for {fakes.unexpected}"
