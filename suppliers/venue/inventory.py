"""The inventory service: what is free, and our reservations there."""

from typing import Any, Final, TypeVar

from models.core.errors import AuthConfig, Unavailable
from models.core.venues import (
    TIME_DOES_NOT_EXIST,
    Availability,
    SlotWish,
    VenueGuest,
    VenueSlot,
)
from suppliers.core.answers import JsonAnswer, Message
from suppliers.core.comparing import expect_as_asked
from suppliers.core.http import JsonClient
from suppliers.venue import errors, requests, responses
from suppliers.venue.requests import NAME, PROBE

Model = TypeVar("Model", bound=Message)

_UNSUPPORTED: Final = (
    "INVENTORY_SERVICE_URL names a service whose answers that never came could not be settled:"
    " {why}. docs/inventory-and-pricing.md says what it must do."
)


class Inventory:
    """Every method makes one request, and reads its answer strictly."""

    def __init__(self, http: JsonClient) -> None:
        self._http = http
        self._proved = False

    async def check(
        self, asked: SlotWish, excluding: str | None, operation: str = "quote"
    ) -> tuple[JsonAnswer, Availability]:
        """Say what is free, as if ``excluding`` (a reference of ours) were not there.

        Raises:
            InvalidRequest: there is no such venue or resource, or nobody knows its time zone.
            Retryable: no answer, or one about another slot.
        """
        answer, checked = await self._ask(
            "check-availability", requests.check(asked, excluding), operation, responses.Checked
        )
        try:
            found = checked.availability(asked.time_zone)
            anyhow = checked.reason == TIME_DOES_NOT_EXIST
            wrong = checked.slot.other_than(asked, anyhow=anyhow)
        except ValueError as error:
            raise responses.contradicts(answer, error) from error
        if wrong:
            raise answer.unsettled(
                f"the inventory answered about another slot: {'; '.join(wrong)}",
                code="malformed_answer",
            )
        return answer, found

    async def reserve(
        self, asked: VenueSlot, guest: VenueGuest, reference: str
    ) -> tuple[JsonAnswer, responses.Reserved]:
        """Reserve under our reference; repeating it answers what stands there.

        Raises:
            Unavailable, InvalidRequest, AuthConfig: nothing was reserved.
            UnknownOutcome: it may have been, or is another than was asked for (F8).
        """
        body = requests.reserve(asked, guest, reference)
        answer, made = await self._ask("reserve", body, "book", responses.Reserved, changes=True)
        if made.status != "reserved":
            raise answer.failure(
                Unavailable, "it was reserved, and is released", code=errors.REFERENCE_RELEASED
            )
        self._expect_as_asked(answer, made, asked, reference)
        return answer, made

    async def change(
        self, asked: VenueSlot, guest: VenueGuest, reference: str, key: str
    ) -> tuple[JsonAnswer, responses.Reserved]:
        """Move the reservation under our reference, all or nothing, once for each key.

        Raises:
            Unavailable, InvalidRequest, AuthConfig: nothing was changed.
            UnknownOutcome: it may have been, or is another than was asked for (F8).
        """
        body = requests.change(asked, guest, reference, key)
        answer, made = await self._ask(
            "update-reservation", body, "change", responses.Reserved, changes=True
        )
        if made.status != "reserved":
            raise answer.unsettled("it is released, and was changed", code="malformed_answer")
        self._expect_as_asked(answer, made, asked, reference)
        return answer, made

    async def read(self, reference: str) -> responses.Reserved | None:
        """Read what stands under our reference: a change of nothing; None: it has been released.

        Raises:
            Retryable: no answer, or none that names it. A 404 proves nothing (decision 42).
        """
        answer = await self._call("update-reservation", {"reference": reference}, "find")
        if not answer.ok and errors.code_of(answer) == errors.UNKNOWN_REFERENCE:
            raise answer.unsettled(
                f"the inventory does not know {reference} (now)", code=errors.UNKNOWN_REFERENCE
            )
        if not answer.ok and errors.code_of(answer) == errors.REFERENCE_RELEASED:
            return None
        seen = errors.expect_ok(answer).parse(responses.Reserved)
        if seen.reference != reference:
            raise answer.unsettled("the inventory answered about another reservation")
        return seen

    async def release(self, reference: str, operation: str = "cancel") -> responses.Released:
        """Release whatever stands, or will be asked for, under our reference.

        Raises:
            NotCancellable: refused for good.
            Retryable, UnknownOutcome: no answer; repeating it is safe.
        """
        answer, gone = await self._ask(
            "release", {"reference": reference}, operation, responses.Released, changes=True
        )
        if gone.reference != reference:
            raise answer.unsettled("the inventory answered about another reservation")
        return gone

    async def prove(self) -> None:
        """See once that references are idempotent and released ones stay so (decision 93).

        A reference that nothing is reserved under is released, and then asked for: a service that
        keeps tombstones refuses, whatever the venue. Nothing is reserved by it.

        Raises:
            AuthConfig: the service cannot do it.
            Retryable: no answer; nothing was reserved.
        """
        if self._proved:
            return
        slot = {
            "venue": {"id": PROBE, "type": "CAFE"},
            "date": "2000-01-01",
            "time": "12:00",
            "utc_offset": "+00:00",
            "duration_minutes": 60,
            "party_size": 1,
            "resource_id": None,
        }
        reserve = {"reference": PROBE, "slot": slot, "guest_name": PROBE, "notes": ""}
        released = await self._call("release", {"reference": PROBE}, "book")
        if released.status == 404 and not errors.code_of(released):
            raise self._unsupported(released, "it has no release")
        if errors.expect_ok(released).parse(responses.Released).reference != PROBE:
            raise self._unsupported(released, "it released another reference")
        for path, body in (("reserve", reserve), ("update-reservation", {"reference": PROBE})):
            answer = await self._call(path, body, "book")
            code = errors.code_of(answer)
            if code == errors.REFERENCE_RELEASED:
                continue
            if answer.ok or (400 <= answer.status < 500 and answer.status not in (401, 403, 429)):
                why = f"{path} of a released reference was answered {answer.status} {code}".rstrip()
                raise self._unsupported(answer, why)
            errors.expect_ok(answer)
        self._proved = True

    def _unsupported(self, answer: JsonAnswer, why: str) -> AuthConfig:
        return answer.failure(AuthConfig, _UNSUPPORTED.format(why=why), code="unsupported_service")

    def _expect_as_asked(
        self, answer: JsonAnswer, made: responses.Reserved, asked: VenueSlot, reference: str
    ) -> None:
        try:
            wrong = made.slot.other_than(asked.wish)
        except ValueError as error:
            raise responses.contradicts(answer, error) from error
        if made.reference != reference:
            wrong.append("it is under another reference")
        expect_as_asked(answer, f"{NAME} reserved {made.inventory_reference}", *wrong)

    async def _ask(
        self,
        path: str,
        body: dict[str, Any],
        operation: str,
        model: type[Model],
        *,
        changes: bool = False,
    ) -> tuple[JsonAnswer, Model]:
        answer = await self._call(path, body, operation, changes=changes)
        return answer, errors.expect_ok(answer).parse(model)

    async def _call(
        self, path: str, body: dict[str, Any], operation: str, *, changes: bool = False
    ) -> JsonAnswer:
        return await self._http.call(
            "POST", f"/api/v1/inventory/{path}", operation=operation, changes=changes, body=body
        )

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()
