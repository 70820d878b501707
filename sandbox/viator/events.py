"""What operators and customers did by themselves, listed until it is acknowledged.

What a partner does over the API is not listed (the specification of ``modified-since``).
"""

import base64
import datetime as dt
from typing import Any, Final

from fastapi import Request, Response

from sandbox.viator import messages
from sandbox.viator.catalogue import stamp
from sandbox.viator.ledger import SUPPLIER, ledger_of
from sandbox.world import Answer, ReservationRecord, World

_NOTICE: Final = dt.timedelta(days=1)
_MOST: Final = 50
_REASON: Final = "Supplier_Support.Significant_global_event"


class Events:
    """Answers about booking events; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def modified_since(self, request: Request) -> Response:
        """Events that were not acknowledged, oldest first, fifty to a page at most."""
        query = request.query_params
        try:
            cursor, since = query.get("cursor"), query.get("modified-since")
            after, start = 0, None
            if cursor:
                text = base64.urlsafe_b64decode(cursor.encode()).decode()
                after, since = int(text.split("|")[0]), text.split("|")[1]
            if since:
                start = dt.datetime.fromisoformat(since)
                start = start if start.tzinfo else start.replace(tzinfo=dt.UTC)
            count = int(query.get("count", _MOST))
        except (ValueError, IndexError):
            return self._error(400, "BAD_REQUEST", "Invalid modified-since or cursor").response()
        if not 1 <= count <= _MOST:
            return self._error(400, "BAD_REQUEST", "count must be between 1 and 50").response()

        async def commit(_: object) -> Answer:
            return Answer(200, self._page(start, after, count))

        return await self._serve(request, commit)

    def _page(self, start: dt.datetime | None, after: int, count: int) -> dict[str, Any]:
        events: list[tuple[int, dict[str, Any]]] = []
        for record in self._world.reservations.all(SUPPLIER):
            self._ledger.settle(record)
            events += [
                (event["number"], self._shown(record, event))
                for event in record.data["events"]
                if event["number"] > after
                and not event["acknowledged"]
                and (start is None or dt.datetime.fromisoformat(event["at"]) >= start)
            ]
        events.sort(key=lambda entry: entry[0])
        page: dict[str, Any] = {"bookings": [event for _, event in events[:count]]}
        if len(events) > count:
            text = f"{events[count - 1][0]}|{stamp(start) if start else ''}"
            page["nextCursor"] = base64.urlsafe_b64encode(text.encode()).decode()
        return page

    def _shown(self, record: ReservationRecord, event: dict[str, Any]) -> dict[str, Any]:
        at = dt.datetime.fromisoformat(event["at"])
        shown: dict[str, Any] = {
            "transactionRef": event["ref"],
            "eventType": event["type"],
            "acknowledgeBy": stamp(at + _NOTICE),
            "bookingRef": record.id,
            "partnerBookingRef": record.reference,
            "lastUpdated": event["at"],
            "bookedItem": {
                "productCode": record.data["product"],
                "productOptionCode": record.data["option"],
                "travelDate": record.data["date"],
                "travelTime": record.data["time"],
            },
        }
        if event["type"] == "CANCELLATION":
            whole = self._ledger.invoiced(record)
            shown["cancellation"] = {
                "cancellationReasonCode": _REASON,
                "refundDetails": {**whole, "refundPercentage": 100},
            }
        return shown

    async def acknowledge(self, request: Request, asked: messages.Acknowledgement) -> Response:
        """Take events off the list; all or none, and again is no error."""

        async def commit(_: object) -> Answer:
            events = {
                event["ref"]: (record, event)
                for record in self._world.reservations.all(SUPPLIER)
                for event in record.data["events"]
            }
            unknown = [ref for ref in asked.transaction_refs if ref not in events]
            if unknown:
                answer = self._error(404, "NOT_FOUND", "The specified resource was not found")
                answer.body["unknownTransactionRefs"] = unknown
                return answer
            for ref in asked.transaction_refs:
                record, event = events[ref]
                event["acknowledged"] = True
                self._world.reservations.get(SUPPLIER, record.id)  # so that it is kept
            return Answer(204, None)

        return await self._serve(request, commit)

    async def _serve(self, request: Request, commit: Any) -> Response:
        return await self._world.serve(
            supplier=SUPPLIER,
            operation="changes",
            reference=None,
            request=request,
            commit=commit,
            refuse=lambda: self._error(429, "TOO_MANY_REQUESTS", "Too many requests"),
            error=lambda: self._error(500, "INTERNAL_SERVER_ERROR", "Internal Server Error"),
        )

    def _error(self, status: int, code: str, message: str) -> Answer:
        return messages.error(status, code, message, self._world.now())
