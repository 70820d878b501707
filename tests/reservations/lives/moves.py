"""Reservations that are moved: their claims first, then the rest, or everything back."""

from dataclasses import replace

from models.bookings.lifecycle import BookingState
from models.bookings.messages import RequestKind, RequestOutcome
from models.bookings.problems import Code, Problem
from models.reservations.changes import Details, MoveRequest, refusal
from models.reservations.messages import SLOT, visit_of
from tests.reservations.books import quote
from tests.reservations.lives.draws import Chance, step
from tests.reservations.lives.making import Making
from tests.reservations.lives.model import Claim, Life
from tests.reservations.lives.stage import Moving
from tests.reservations.requests import request_of

S = BookingState


class Moves(Making):
    """What ``ModifyReservation`` does, in two steps: others may come between."""

    @step(lambda self: self.movable())
    def begin_move(self, chance: Chance) -> None:
        """Move a claim; the reservation follows it, or it is put back."""
        life = chance.one(self.movable())
        place = self.place(life.venue, **chance.place())
        if place is None or place.visit[0] < self.model.now or place.zone != life.place.zone:
            return
        if chance.yes():
            place.table = life.place.table
        if chance.yes():
            place.party = life.place.party
        slot = self.slot(self.houses[life.venue], place)
        price = quote(slot, life.booking.accepted_total)
        body = MoveRequest(
            booking_id=life.booking.id,
            expected_version=len(life.states),
            details=Details(slot=slot, quote=price),
        )
        request = request_of(RequestKind.MOVE, body.model_dump(mode="json"))
        opened = self.world.run(self.world.open_move(request))
        assert refusal(opened.booking, len(life.states)) is None
        self.arm(chance.cut())
        refused = self.world.run(
            self.world.move_claim(life.booking.id, opened.claim + 1, slot, back=False)
        )
        self.model.lapse(life.venue)
        wanted = self.model.claim(life.venue, life.guest, place, life.claims[0].twice)
        expected = self.model.in_the_way(wanted, life.claim)
        assert bool(refused) is bool(expected), (refused, expected)
        assert not refused or refused in expected, (refused, expected)
        self.tally[f"move {refused or 'had'}"] += 1
        if refused:
            problem = Problem(code=Code.UNAVAILABLE, step="move", message=refused)
            outcome = RequestOutcome(request=request, problem=problem)
            self.world.run(self.world.end(life.booking.id, outcome))
            return
        self.claim_instead(life, wanted)
        life.busy = True
        self.moves.append(Moving(life, place, slot, request, opened))

    @step(lambda self: self.moves)
    def take_what_is_left(self, chance: Chance) -> None:
        """Somebody else asks for the place that a reservation is leaving, which may come back."""
        move = chance.one(self.moves)
        life = move.life
        if life.place.visit[0] >= self.model.now:
            self.ask(life.venue, replace(life.place), f"after {life.guest}", cut=chance.cut())
            if chance.yes():
                self._put_back(move, chance)

    @step(lambda self: self.moves)
    def land(self, chance: Chance) -> None:
        """The venue has said yes."""
        move = chance.one(self.moves)
        self.moves.remove(move)
        life, booking = move.life, move.opened.booking
        item = booking.item(SLOT)
        item.title, item.quote = move.slot.title, quote(move.slot, booking.accepted_total)
        booking.visit = visit_of(move.slot)
        life.booking, life.place, life.busy = booking, move.place, False
        details = Details(slot=move.slot, quote=item.quote).as_json()
        self.arm(chance.cut())
        self.record(life, S.CONFIRMED, [RequestOutcome(request=move.request)], details=details)
        self.tally["moved"] += 1

    @step(lambda self: self.moves)
    def put_back(self, chance: Chance) -> None:
        """The venue has said no: the claim goes back whatever the limits; its table may be gone."""
        self._put_back(chance.one(self.moves), chance)

    def _put_back(self, move: Moving, chance: Chance) -> None:
        self.moves.remove(move)
        life = move.life
        assert move.opened.details.slot is not None
        self.arm(chance.cut())
        gone = self.world.run(
            self.world.move_claim(
                life.booking.id, move.opened.claim + 2, move.opened.details.slot, back=True
            )
        )
        self.model.lapse(life.venue)
        wanted = self.model.claim(life.venue, life.guest, replace(life.place), twice=True)
        expected = self.model.in_the_way(wanted, life.claim) & {"RESOURCE"}
        assert gone == "".join(expected)
        if gone:
            wanted.place.table = None
        self.claim_instead(life, wanted)
        life.busy, life.booking = False, move.opened.booking
        problem = Problem(code=Code.UNAVAILABLE, step="move", message="the venue says no")
        outcome = RequestOutcome(request=move.request, problem=problem)
        if chance.yes():  # the venue was reached
            self.record(life, S.CONFIRMED, [outcome])
        else:
            self.world.run(self.world.end(life.booking.id, outcome))
        self.tally[f"put back {gone or 'as it was'}"] += 1

    # -- helpers -----------------------------------------------------------------------------------

    def movable(self) -> list[Life]:
        return [life for life in self.model.in_state(S.CONFIRMED) if life.claim]

    def claim_instead(self, life: Life, wanted: Claim) -> None:
        own = life.claim
        assert own is not None
        own.state = "RELEASED"
        life.claims.append(wanted)
