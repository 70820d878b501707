"""One booking's money at a gateway in memory, with the real activities and the real database."""

import datetime as dt
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.payments.activities import PaymentActivities
from models.core.keys import operation_key
from models.payments.messages import PaymentCall, PaymentOutcome
from payments.core.protocol import Payment
from tests.payments.memory_gateway import MemoryGateway
from tests.support.fake_trip import trip_request
from tests.support.interleaving import Actors, Dice, Record

PERIOD = dt.timedelta(hours=1)
"""After this time the gateway has committed what it will ever commit."""


Activity = Callable[[PaymentCall], Awaitable[PaymentOutcome]]


class MoneyPlay:
    """The activities of one booking, whose workers may die at every step.

    Subclasses say what begins (``begins``), what must always hold and what must hold in the end.
    """

    often: Mapping[str, int] = MappingProxyType({})
    """How likely each of what may begin is; 4 where nothing is given."""

    def __init__(self, record: Record, dice: Dice) -> None:
        self.record = record
        self.dice = dice
        self.gateway = MemoryGateway(dice)
        self.activities = PaymentActivities(record.sessions, self.gateway, PERIOD)
        self.request = trip_request()
        self.booking_id = self.request.booking_id
        self.actors = Actors()
        self.environment = ActivityEnvironment()

    async def perform(self) -> None:
        """Do what the dice say until there are none left, then go on in calm to the end."""
        await self.record.open(self.request, dt.datetime.now(dt.UTC))
        await self.begin()
        async with self.actors.ended():
            while not self.dice.thrown:
                await self._move()
                await self.check()
            for actor in self.actors.alive:
                await actor.finish()
                await self.check()
            for _ in range(6):
                await self.later()
                await self.calm()
                await self.check()
        await self.judge()

    async def begin(self) -> None:
        """What has been done before."""

    def begins(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """What may begin now, by name."""
        raise NotImplementedError

    async def calm(self) -> None:
        """One more attempt at everything, without trouble."""
        for name, work in self.begins().items():
            await self.actors.begin(name, work).finish()

    async def check(self) -> None:
        """What must hold at every moment."""
        raise NotImplementedError

    async def judge(self) -> None:
        """What must hold in the end."""
        raise NotImplementedError

    async def later(self) -> None:
        """Let the gateway's period pass: what is late commits, what hangs has been given up."""
        await self.actors.kill_all()
        self.gateway.land()
        await self.record.age_attempts("2 hours", booking_id=self.booking_id)

    async def ask(
        self,
        activity: Callable[[PaymentCall], Awaitable[PaymentOutcome]],
        operation: str,
        **more: Any,
    ) -> PaymentOutcome | None:
        """Have one attempt of an activity made; None when Temporal would repeat it."""
        more = {"key": operation_key(self.booking_id, "payment", operation), **more}
        call = PaymentCall(booking_id=self.booking_id, **more)
        try:
            return await self.environment.run(activity, call)
        except ApplicationError as error:
            if error.non_retryable:
                raise
            return None

    async def surely(
        self,
        activity: Callable[[PaymentCall], Awaitable[PaymentOutcome]],
        operation: str,
        **more: Any,
    ) -> PaymentOutcome:
        """The same, while nothing is in trouble."""
        outcome = await self.ask(activity, operation, **more)
        assert outcome is not None
        assert outcome.refused is None
        return outcome

    @property
    def payments(self) -> list[Payment]:
        return list(self.gateway.books.values())

    @property
    def told(self) -> tuple[Any, ...]:
        """What to say when something does not hold."""
        return (self.dice, self.gateway.log, self.gateway.effects, self.payments)

    async def _move(self) -> None:
        alive, begins = self.actors.alive, self.begins()
        # A step is one of a dozen on the way to an answer: most of the time nothing else happens.
        moves = ["step"] * 30 * bool(alive)
        if len(alive) < 3:
            moves += [name for name in sorted(begins) for _ in range(self.often.get(name, 4))]
        moves += ["kill"] * 4 * bool(alive) + ["land", "later"]
        match self.dice.pick(moves):
            case "step":
                await self.dice.pick(alive).step()
            case "kill":
                await self.dice.pick(alive).kill()
            case "land":
                self.gateway.land()
            case "later":
                await self.later()
            case name:
                self.actors.begin(name, begins[name])
