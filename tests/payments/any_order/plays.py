"""What may happen to the money of one booking, drawn by Hypothesis: an opening and operations.

Operations are small and drawn one by one, so that a failing life can be shrunk to the few that
matter. When and how often which event is delivered is not: it is ruled by ``Play.seed`` and by the
clock, and no smaller schedule is a simpler one.
"""

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st


class Opening(StrEnum):
    """How the booking comes to be."""

    CARD = "a good card"
    OTHER_CARD = "a refused card, then another one"
    SECURE = "3-D Secure, passed"
    SECURE_FAILS = "3-D Secure, failed, then another card"
    DECLINED = "a card that must not be tried again"
    GIVEN_UP = "a refused card, then cancelled"
    ACTIVITY_REFUSED = "an activity is refused"
    DISPUTED = "a card whose holder disputes every charge"
    SLOW_REFUNDS = "a card whose bank takes a while to refund"
    RETURNS_REFUNDS = "a card whose bank sends refunds back"


class Kind(StrEnum):
    """What may happen then."""

    CANCEL_ITEM = "an item is cancelled"
    CANCEL_TRIP = "the trip is cancelled"
    GOODWILL = "an operator refunds out of goodwill"
    REFUND = "somebody refunds in the dashboard"
    REFUND_TWICE = "somebody refunds the same amount twice in the dashboard"
    REFUND_REST = "somebody refunds all that is left in the dashboard"
    SEND_BACK = "the bank sends a refund back"
    DISPUTE = "the card holder disputes a part"
    DISPUTE_REST = "the card holder disputes all that is left"
    ENQUIRY = "the card holder's bank asks about a part"
    WON = "a dispute is won"
    LOST = "a dispute is lost"
    STRAY_HELD = "a payment under the booking's id holds money"
    STRAY_TAKEN = "a payment under the booking's id takes money"
    STRAY_SENT_BACK = "the bank sends back what was refunded of such a payment"
    DECIDE = "an operator decides what is open"
    LOOK = "reconciliation looks"


@dataclass(frozen=True)
class Operation:
    """Something that happens. What it is about is named by share and place, never by id."""

    kind: Kind
    tenths: int
    """How much of what there is."""
    which: int
    """Which of those there are, counted around."""


@dataclass(frozen=True)
class Play:
    """The life of one booking."""

    opening: Opening
    currency: str
    fee_tenths: int
    """What the stored terms keep of each item that is cancelled."""
    operations: tuple[Operation, ...]
    seed: int
    """Of the deliveries."""


_OPERATIONS = st.builds(
    Operation,
    kind=st.sampled_from(Kind),
    tenths=st.integers(1, 9),
    which=st.integers(0, 3),
)


def _plays(opening: Opening) -> st.SearchStrategy[Play]:
    """Any life that begins so."""
    return st.builds(
        Play,
        opening=st.just(opening),
        currency=st.sampled_from(["USD", "USD", "EUR", "JPY", "KWD"]),
        fee_tenths=st.sampled_from([0, 3, 10]),
        operations=st.lists(_OPERATIONS, min_size=2, max_size=6).map(tuple),
        seed=st.integers(0, 2**32 - 1),
    )


@st.composite
def casts(draw: st.DrawFn, number: int) -> tuple[Play, ...]:
    """Several lives to be played together, each with an opening of its own."""
    openings = draw(st.permutations(list(Opening)))[:number]
    return tuple(draw(_plays(opening)) for opening in openings)


def _life(opening: Opening, fee_tenths: int, *kinds: Kind) -> Play:
    operations = tuple(Operation(kind, tenths=2, which=1) for kind in kinds)
    return Play(opening, "USD", fee_tenths, operations, seed=fee_tenths)


RICH = (
    _life(
        Opening.CARD,
        3,
        Kind.REFUND_TWICE,
        Kind.STRAY_TAKEN,
        Kind.STRAY_SENT_BACK,
        Kind.CANCEL_ITEM,
        Kind.SEND_BACK,
        Kind.WON,
        Kind.GOODWILL,
        Kind.DISPUTE,
        Kind.CANCEL_TRIP,
    ),
    _life(
        Opening.OTHER_CARD,
        10,
        Kind.STRAY_HELD,
        Kind.REFUND,
        Kind.ENQUIRY,
        Kind.LOOK,
        Kind.GOODWILL,
        Kind.REFUND_REST,
        Kind.SEND_BACK,
        Kind.DISPUTE_REST,
        Kind.LOST,
        Kind.CANCEL_ITEM,
    ),
    _life(Opening.SLOW_REFUNDS, 0, Kind.CANCEL_ITEM, Kind.CANCEL_TRIP),
)
"""Lives in which everything happens."""

UNTOLD = (
    Play(
        Opening.DISPUTED,
        "USD",
        3,
        (
            Operation(Kind.DISPUTE, tenths=8, which=3),
            Operation(Kind.STRAY_HELD, tenths=7, which=3),
            Operation(Kind.LOST, tenths=7, which=3),
            Operation(Kind.CANCEL_ITEM, tenths=8, which=3),
            Operation(Kind.STRAY_SENT_BACK, tenths=1, which=1),
            Operation(Kind.REFUND_TWICE, tenths=1, which=1),
        ),
        seed=0,
    ),
)
"""A life that once ended with two payments kept: its cancellation saw the dispute first."""
