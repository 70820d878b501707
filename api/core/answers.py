"""Answers about bookings at rest, kept while the record says that nothing has changed."""

from collections import OrderedDict
from dataclasses import dataclass

from api.core.entity_tags import Tagged
from models.bookings.repository import Standing

KEPT_AT_MOST = 2_000

Place = tuple[str, str, str | None]
"""The form of an answer, the booking's id, and the caller it is given to. None: operators, who are
told more."""


@dataclass(frozen=True)
class Kept:
    """The whole answer about a booking, and what it holds for."""

    standing: Standing
    """Where the booking stood before it was read: it has not changed while this is unchanged."""
    told: Tagged


class Answers:
    """Keeps the answers given last. Each is checked against the record before it is given again.

    A ``place`` says which answer it is.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Place, Kept | None] = OrderedDict()

    def is_asked_again(self, place: Place) -> bool:
        """Tell whether this was answered before, about a booking at rest."""
        return place in self._kept

    def get(self, place: Place, standing: Standing) -> Tagged | None:
        """Return what was kept there; None if nothing was, or the booking has changed."""
        kept = self._kept.get(place)
        if kept is None or kept.standing != standing:
            return None
        self._kept.move_to_end(place)
        return kept.told

    def forget(self, place: Place) -> None:
        """Forget an answer: something happens to the booking."""
        self._kept.pop(place, None)

    def keep(self, place: Place, kept: Kept | None) -> None:
        """Keep an answer, or (None) that there was one; the one asked for longest ago goes."""
        self._kept[place] = kept
        self._kept.move_to_end(place)
        if len(self._kept) > KEPT_AT_MOST:
            self._kept.popitem(last=False)
