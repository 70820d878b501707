"""Answers about bookings at rest, kept while the record says that nothing has changed."""

from collections import OrderedDict
from dataclasses import dataclass

from models.bookings.repository import Standing

KEPT_AT_MOST = 2_000


@dataclass(frozen=True)
class Kept:
    """The whole answer about a booking, and what it holds for."""

    standing: Standing
    """Where the booking stood before it was read: it has not changed while this is unchanged."""
    body: bytes


class Answers:
    """Keeps the answers given last. Each is checked against the record before it is given again.

    ``owner`` is the caller they are given to, None: operators, who are told more.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str | None], Kept] = OrderedDict()

    def get(self, booking_id: str, standing: Standing, owner: str | None) -> bytes | None:
        """Return what was kept for ``owner``; None if nothing was, or the booking has changed."""
        kept = self._kept.get((booking_id, owner))
        if kept is None or kept.standing != standing:
            return None
        self._kept.move_to_end((booking_id, owner))
        return kept.body

    def keep(self, booking_id: str, owner: str | None, kept: Kept) -> None:
        """Keep an answer; the one that was not asked for longest is forgotten."""
        self._kept[booking_id, owner] = kept
        if len(self._kept) > KEPT_AT_MOST:
            self._kept.popitem(last=False)
