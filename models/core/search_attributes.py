"""What operators search bookings by in the Temporal Web UI.

Search attributes are never encrypted, so they hold opaque ids and states only (reliability.md S13).
"""

from temporalio.common import SearchAttributeKey

BOOKING_STATE = SearchAttributeKey.for_keyword("BookingState")
BOOKING_REFERENCE = SearchAttributeKey.for_keyword("BookingReference")
TRAVELER_ID = SearchAttributeKey.for_keyword("TravelerId")
FAILED_STEP = SearchAttributeKey.for_keyword("FailedStep")

ALL = (BOOKING_STATE, BOOKING_REFERENCE, TRAVELER_ID, FAILED_STEP)
