"""Which claims keep a place away from others: SQL conditions on rows of ``inventory_claims``.

They are what the exclusion constraints refuse, in the constraints' own terms, so that their indexes
find the few there are: however many claims a venue has.
"""

from models.inventory.tables import LIVE

GUEST_NO = "hashtextextended(:guest, 0) & 9223372036854775807"
"""Of a guest's name; not negative, or the range that carries it would overflow."""

VISIT = "tstzrange(:visit_from, :visit_until)"
DURING = "tstzrange(:from, :until)"


# -1 is nobody's: a range of NULL would be one of all numbers there are.
def of_guest(visit: str = VISIT) -> str:
    """Return the condition for claims of ``:guest``, there at that time; NULL: nobody's."""
    return f"""({LIVE} AND guest_no IS NOT NULL AND NOT duplicate_ok
        AND int8range(guest_no, guest_no, '[]')
            && int8range(coalesce({GUEST_NO}, -1), coalesce({GUEST_NO}, -1), '[]')
        AND visit && {visit})"""


def of_table(number: str, during: str = DURING) -> str:
    """Return the condition for claims on a table (its ``number`` in SQL) at that time."""
    return f"""({LIVE} AND resource_no IS NOT NULL
        AND int8range(resource_no, resource_no, '[]')
            && int8range(coalesce({number}, -1), coalesce({number}, -1), '[]')
        AND during && {during})"""
