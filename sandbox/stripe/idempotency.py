"""Idempotency keys: the first answer is kept and given again.

Providers.md §1, "Idempotency": status and body of the first execution are kept, stored 500s
included; another request under the same key is refused; validation failures are not kept.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from sandbox.stripe.errors import ApiError
from sandbox.world import Answer, Shelf

_LONGEST: Final = 255


class IdempotencyKeys:
    """All keys of the account."""

    def __init__(self, shelf: Shelf) -> None:
        self._kept = shelf
        self._in_use: set[str] = set()

    @contextmanager
    def holding(self, key: str | None) -> Iterator[Answer | None]:
        """Hold a key while its request is worked on; yield a 409 when another one holds it."""
        if key is None:
            yield None
        elif key in self._in_use:
            busy = ApiError(
                "There is currently another in-progress request using this Idempotent Key (that"
                " probably means you submitted twice, and the other request is still going"
                f" through): {key}. Please try again later.",
                status=409,
                code="idempotency_key_in_use",
            )
            yield replace(busy.answer(key=key), headers={"Stripe-Should-Retry": "true"})
        else:
            self._in_use.add(key)
            try:
                yield None
            finally:
                self._in_use.discard(key)

    def once(
        self, key: str | None, fingerprint: str, execute: Callable[[], Answer], request_id: str
    ) -> Answer:
        """Return the answer kept under ``key``, or execute and keep the answer.

        Raises:
            ApiError: what ``execute`` raises without having begun; or ``idempotency_error`` when
                the key was used for another request.
        """
        if key is None:
            return self._answered(execute)
        if len(key) > _LONGEST:
            raise ApiError(f"Idempotency keys have at most {_LONGEST} characters.")
        kept = self._kept.get(key)
        if kept is not None:
            if kept["fingerprint"] != fingerprint:
                raise ApiError(
                    "Keys for idempotent requests can only be used with the same parameters and"
                    f" endpoint they were first used with. Try using a key other than '{key}'.",
                    kind="idempotency_error",
                )
            return Answer(
                kept["status"],
                kept["body"],
                headers={
                    "Idempotent-Replayed": "true",
                    "Original-Request": kept["request_id"],
                },
                extra=kept["extra"],
            )
        answer = self._answered(execute)
        self._kept.put(
            key,
            {
                "fingerprint": fingerprint,
                "status": answer.status,
                "body": answer.body,
                "extra": answer.extra,
                "request_id": request_id,
            },
        )
        return answer

    def overwrite(self, key: str | None, answer: Answer) -> None:
        """Keep ``answer`` in place of the one kept: an execution that ended in a 500."""
        kept = self._kept.get(key) if key is not None else None
        if kept is not None and key is not None:
            self._kept.put(key, {**kept, "status": answer.status, "body": answer.body})

    def _answered(self, execute: Callable[[], Answer]) -> Answer:
        try:
            return execute()
        except ApiError as error:
            if not error.executed:
                raise
            return error.answer()


def fingerprint(method: str, path: str, body: bytes) -> str:
    """Return what tells one request from another under the same key."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()
