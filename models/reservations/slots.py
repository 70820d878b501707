"""What a slot keeps others from. No I/O."""

import datetime as dt

from models.core.local_times import OffsetDoesNotFit as OffsetDoesNotFit
from models.core.local_times import TimeDoesNotExist as TimeDoesNotExist
from models.core.local_times import reads as reads
from models.core.local_times import utc_of as utc_of
from models.core.venues import VenueSlot
from models.reservations.policy import VenuePolicy


def blocked(policy: VenuePolicy, slot: VenueSlot) -> tuple[dt.datetime, dt.datetime]:
    """Return from when to when a slot keeps others away: with the venue's buffers."""
    before = dt.timedelta(minutes=policy.buffer_before_minutes)
    after = dt.timedelta(minutes=policy.buffer_after_minutes)
    return slot.starts_at - before, slot.ends_at + after


def slot_of(policy: VenuePolicy, slot: VenueSlot) -> tuple[dt.datetime, dt.datetime]:
    """Return when the venue's slot begins in which a visit does, and when the next one does."""
    length = dt.timedelta(minutes=policy.slot_minutes)
    midnight = slot.local.replace(hour=0, minute=0, tzinfo=None)
    begins = slot.starts_at - (slot.local.replace(tzinfo=None) - midnight) % length
    return begins, begins + length
