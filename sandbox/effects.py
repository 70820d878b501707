"""The append-only log: every request a supplier processed, and what it did to the world."""

import datetime as dt
import itertools
from collections import deque
from collections.abc import Callable
from typing import Any, Final

EFFECTS: Final = frozenset(
    {
        "none",
        "created",
        "confirmed",
        "changed",
        "authorised",
        "captured",
        "released",
        "cancelled",
        "refunded",
        "refund_failed",
        "disputed",
        "reinstated",
    }
)
"""What a request may have done; ``none`` is a read, a refusal or a replay."""

NO_ANSWER: Final = 0
"""The ``status`` of a row whose client was sent nothing (reset, hang, late commit)."""

Row = dict[str, Any]


class EffectLog:
    """Rows ``seq, at, supplier, operation, reference, effect, status`` plus extras.

    Rows are never changed or removed, and ``seq`` has no gaps: an outside check can trust it.
    """

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        self._now = now
        self._rows: list[Row] = []
        self._sequence = itertools.count(1)
        self.unsaved: deque[Row] | None = None
        """Rows that the state file has not got yet; None when there is no file."""

    def append(
        self,
        supplier: str,
        operation: str,
        reference: str | None,
        effect: str,
        status: int,
        **extra: Any,
    ) -> Row:
        """Write one row and return it.

        ``status`` is the HTTP status that was sent, 0 when nothing was. Extras are JSON values
        such as ``key``, ``id``, ``amount`` (minor units) and ``fault``; None is left out.

        Raises:
            ValueError: an effect that does not exist.
        """
        if effect not in EFFECTS:
            raise ValueError(f"{effect!r} is no effect; known: {', '.join(sorted(EFFECTS))}")
        row: Row = {
            "seq": next(self._sequence),
            "at": self._now().isoformat(),
            "supplier": supplier,
            "operation": operation,
            "reference": reference,
            "effect": effect,
            "status": status,
        }
        row.update({name: value for name, value in extra.items() if value is not None})
        self._rows.append(row)
        if self.unsaved is not None:
            self.unsaved.append(row)
        return row

    def restore(self, rows: list[Row]) -> None:
        """Take over the rows of an earlier process; numbering goes on after the last.

        From now on new rows are put aside for the state file.
        """
        self.unsaved = deque()
        self._rows[:] = rows
        self._sequence = itertools.count(rows[-1]["seq"] + 1 if rows else 1)

    def rows(
        self,
        *,
        after: int = 0,
        supplier: str | None = None,
        reference: str | None = None,
    ) -> list[Row]:
        """Return the rows with a ``seq`` above ``after``, oldest first.

        ``supplier`` must be equal; ``reference`` must be contained in the row's reference.
        """
        # seq starts at 1 and has no gaps, so a row's place is known.
        return [
            row
            for row in self._rows[max(after, 0) :]
            if (supplier is None or row["supplier"] == supplier)
            and (reference is None or reference in (row["reference"] or ""))
        ]
