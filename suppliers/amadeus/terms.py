"""Cancellation terms of a flight that is held, not ticketed (providers.md §2).

An order with ``DELAY_TO_CANCEL`` can be deleted for free until the hold ends: on the day our delay
is over, or on the offer's last ticketing date, whichever comes first. From then on the ticket's
fare rules apply: a stated refund penalty until departure, and otherwise the whole price.
"""

import datetime as dt
from typing import Final

from models.core.money import Money
from models.core.terms import CancellationTerms, FeeStep
from suppliers.amadeus.messages import FareNotes, FareRule, FlightOffer
from suppliers.core.comparing import FURTHEST_ZONE

HOLD_DAYS: Final = 6
"""How long an unticketed order lives; short, so that an orphan dies by itself."""

HELD_FOR: Final = dt.timedelta(days=HOLD_DAYS - 1)
"""How long it lives at least, whatever the zone in which its last day begins (Amadeus does not say
which): somewhere it is almost midnight now, and the day on which it is made is nearly over."""

_MAX_SOURCE: Final = 2_000


def terms_of(
    offer: FlightOffer,
    rules: list[FareRule],
    price: Money,
    *,
    departs: dt.datetime,
    now: dt.datetime,
) -> CancellationTerms:
    """Return the terms of a quote; ``departs`` and ``now`` are UTC."""
    held_until = now if offer.instant_ticketing_required else now + HELD_FOR
    if offer.last_ticketing_date is not None:
        last_day = dt.datetime.combine(offer.last_ticketing_date, dt.time(), dt.UTC)
        # That day ends first where clocks are furthest ahead of UTC.
        held_until = min(held_until, last_day + dt.timedelta(days=1) - FURTHEST_ZONE)
    held_until = min(held_until, departs)
    notes = [rule.fare_notes for rule in rules if rule.fare_notes is not None]
    penalty = _penalty(notes, len(rules), seats=len(offer.traveler_pricings), price=price)
    steps = []
    if held_until > now:
        steps.append(FeeStep(until=held_until, fee=0))
    if penalty is not None and departs > held_until:
        steps.append(FeeStep(until=departs, fee=penalty))
    steps.append(FeeStep(until=None, fee=price.amount))
    hold = "Ticketed at once: the fare rules apply."
    if held_until > now:
        hold = f"Not ticketed: free until {held_until:%Y-%m-%d %H:%M} UTC; then the fare rules."
    return CancellationTerms(steps=tuple(steps), source=_source(hold, notes))


def _penalty(notes: list[FareNotes], flights: int, *, seats: int, price: Money) -> int | None:
    """Return what refunding the tickets costs, minor units; None when it is all or not stated."""
    refunds = [note for note in notes if note.category == "REFUND"]
    if not refunds or len(refunds) < flights or any(note.not_applicable for note in refunds):
        return None
    try:
        highest = max(
            Money.from_decimal(note.max_penalty_amount or "", price.currency).amount
            for note in refunds
        )
    except ValueError:
        return None
    return min(highest * seats, price.amount)


def _source(hold: str, notes: list[FareNotes]) -> str:
    texts = [text.text for note in notes for text in note.descriptions if text.text]
    return "\n".join([hold, *dict.fromkeys(texts)])[:_MAX_SOURCE]
