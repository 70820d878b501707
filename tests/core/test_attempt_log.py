"""The attempt log under every interleaving: workers repeat and die anywhere, an undo comes between.

The database is real; the provider is in memory and loses answers, answers with errors, and commits
late. What must hold is checked after every single step.
"""

import asyncio
import datetime as dt

import pytest

from activities.core.attempts import DONE, TOMBSTONE, AttemptLog, Intent, Past
from models.core.errors import Fault, Refusal, Unavailable, UnknownOutcome
from tests.core.provider import PERIOD, Effect, Manner, Provider
from tests.support.fake_trip import trip_request
from tests.support.interleaving import Actors, Dice, Record, new_name
from tests.support.selection import table

MANNERS = {
    "keys and look-ups": Manner(keyed=True),
    "errors that take effect late": Manner(keyed=True, late_errors=True),
    "look-ups, may not be repeated": Manner(keyed=False),
    "neither": Manner(keyed=False, finds=False),
}
"""As Stripe, as Stripe's refunds, as Duffel, as Amadeus."""

FEW, MANY = 15, 400
"""So many orders of steps are tried for each manner: in every run, and at night."""


class Play:
    """One intention, the workers at it, and perhaps somebody who undoes it."""

    def __init__(self, record: Record, booking_id: str, manner: Manner, dice: Dice) -> None:
        self.record = record
        self.manner = manner
        self.dice = dice
        self.provider = Provider(manner, dice)
        self.log = AttemptLog(record.sessions)
        self.intent = Intent(booking_id, "somebody", "book", new_name())
        self.actors = Actors()
        self.results: list[Effect | Refusal] = []
        self.tombstoned: list[Past] = []

    async def work(self) -> None:
        """Ask once, as an activity's attempt does; a fault is Temporal's to repeat."""
        repeat_after = dt.timedelta(0) if self.manner.keyed else PERIOD
        try:
            done = await self.log.once(
                self.intent,
                Effect,
                self.provider.act,
                look_up=self.provider.look_up,
                repeat_after=repeat_after,
                may_repeat=self.manner.keyed,
                fresh_key_after=PERIOD if self.manner.late_errors else dt.timedelta(0),
            )
        except Fault:
            return
        except Refusal as refusal:
            self.results.append(refusal)
        else:
            self.results.append(done)

    async def undo(self) -> None:
        self.tombstoned.append(await self.log.tombstone(self.intent))

    async def later(self) -> None:
        """Let the provider's period pass: what is late commits, what hangs has been given up."""
        await self.actors.kill_all()
        self.provider.land()
        intent = self.intent
        await self.record.age_attempts("2 hours", booking_id=intent.booking_id, key=intent.key)

    async def perform(self) -> None:
        """Do what the dice say until there are none left, then go on in calm to the end."""
        async with self.actors.ended():
            while not self.dice.thrown:
                await self.move()
                await self.check()
            for actor in self.actors.alive:
                await actor.finish()
                await self.check()
            for _ in range(3):
                await self.later()
                await self.actors.begin("worker", self.work).finish()
                await self.check()
        self.judge()

    async def move(self) -> None:
        alive = self.actors.alive
        # A step is one of a dozen on the way to an answer: most of the time nothing else happens.
        moves = ["step"] * 16 * bool(alive)
        moves += ["worker"] * 6 if len(alive) < 3 else []
        moves += ["undo"] if len(self.tombstoned) < 2 and len(alive) < 3 else []
        moves += ["kill"] * 3 * bool(alive) + ["land", "later"]
        match self.dice.pick(moves):
            case "step":
                await self.dice.pick(alive).step()
            case "kill":
                await self.dice.pick(alive).kill()
            case "worker":
                self.actors.begin("worker", self.work)
            case "undo":
                self.actors.begin("undo", self.undo)
            case "land":
                self.provider.land()
            case "later":
                await self.later()

    async def check(self) -> None:
        """What must hold at every moment, also when all processes died now."""
        provider, past = self.provider, await self.log.past(self.intent.key)
        told = (provider, [(row.number, row.outcome, row.http_status) for row in past.rows])
        assert len(provider.effects) <= 1, told
        done = past.last(DONE)
        if provider.effects or provider.late:
            assert done is not None or past.doubtful, ("believed not to be done", told)
        if done is not None:
            assert provider.effects == [done.result["id"]], told
        outcomes = [row.outcome for row in past.rows]
        assert TOMBSTONE not in outcomes[:-1], ("something began after the undo", told)
        for seen in self.tombstoned:
            numbers = [row.number for row in past.rows if row.outcome != TOMBSTONE]
            assert [row.number for row in seen.rows if row.outcome != TOMBSTONE] == numbers, told

    def judge(self) -> None:
        """What must hold in the end."""
        told = (self.provider, self.results)
        effects = {effect.id for effect in self.results if isinstance(effect, Effect)}
        assert effects <= set(self.provider.effects), told
        last = self.results[-1] if self.results else None
        if self.tombstoned:
            assert isinstance(last, Unavailable), told
            assert last.code == TOMBSTONE, told
        elif self.manner.keyed:
            assert last is not None, ("it was never settled", told)
            assert isinstance(last, Refusal) or self.provider.effects == [last.id], told


@pytest.fixture(scope="module")
def booking_id(record: Record) -> str:
    request = trip_request()
    record.run(record.open(request, dt.datetime.now(dt.UTC)))
    return request.booking_id


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "plays"), table(MANNERS, [FEW, MANY], quick=lambda _, plays: plays == FEW)
)
def test_at_most_one_effect_and_nothing_is_forgotten(
    record: Record, booking_id: str, name: str, plays: int
) -> None:
    for seed in range(plays):
        play = Play(record, booking_id, MANNERS[name], Dice.of(seed, choices=40))
        record.run(play.perform())


async def _unanswered(play: Play) -> None:
    for _ in range(3):
        await play.work()


@pytest.mark.parametrize("finds", [True, False])
def test_what_may_not_be_repeated_is_asked_once(
    record: Record, booking_id: str, finds: bool
) -> None:
    """A flight order without an answer: never a second one, and no answer is made up."""
    lost = Manner(keyed=False, finds=finds).kinds.index("lost before")
    play = Play(record, booking_id, Manner(keyed=False, finds=finds), Dice(lost))
    record.run(_unanswered(play))
    assert play.results == []
    assert play.provider.log == ["act 1: lost before"]

    async def later() -> UnknownOutcome:
        await play.later()
        with pytest.raises(UnknownOutcome) as unknown:
            await play.log.once(
                play.intent,
                Effect,
                play.provider.act,
                look_up=play.provider.look_up,
                repeat_after=PERIOD,
                may_repeat=False,
            )
        return unknown.value

    assert record.run(later()).code == "unsettled"


def test_two_intentions_are_closed_in_one_statement(record: Record, booking_id: str) -> None:
    """One that has begun, and one that has not: neither can be begun again."""
    begun, fresh = (Play(record, booking_id, Manner(keyed=True), Dice()) for _ in range(2))

    async def close() -> None:
        await begun.work()
        await begun.log.tombstone_all([begun.intent, fresh.intent])
        for play in (begun, fresh):
            await play.work()
            assert isinstance(play.results[-1], Unavailable)
            assert play.results[-1].code == TOMBSTONE

    record.run(close())
    assert (len(begun.provider.effects), len(fresh.provider.effects)) == (1, 0)


def test_two_at_once_act_once(record: Record, booking_id: str) -> None:
    """Truly at the same time, on connections of their own."""
    play = Play(record, booking_id, Manner(keyed=True), Dice())

    async def both() -> None:
        await asyncio.gather(*(play.work() for _ in range(8)))

    record.run(both())
    assert len(play.provider.effects) == 1
