"""Requests to keyed routes: carried out by one attempt at a time, and answered once.

The answers are kept in ``models.core.idempotency``; what routes declare, and what their handlers
get, is in ``api.core.idempotency`` (docs/idempotency.md, decision 0083).
"""

import asyncio
import dataclasses
import hashlib
import itertools
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from api.core.context import AppContext
from api.core.entity_tags import version_of
from api.core.idempotency import HEADER, Declaration, Operation, fingerprint, given_key
from api.core.preferences import wanted
from api.core.problems import database_away
from api.core.record import NOT_READ
from api.core.strict_json import canonical
from models.core import idempotency as table
from models.core.domain_errors import KeyInProgress, KeyReused
from models.core.idempotency import Claimed, Slot, StoredAnswer, Times

REPLAYED: Final = "Idempotency-Replayed"
LONGEST_WAIT_SECONDS = 10.0
"""How long a repeat waits for the answer to the first request."""
RETRY_AFTER_SECONDS = 2
LOOKS = 3
"""A key that comes and goes is looked at so often at least, and is never guessed about."""
_PAUSES = (0.02, 0.05, 0.1, 0.2)
"""Seconds between looks at a request that is being carried out; the last goes on."""
_RENEWALS = 3
"""How often a lease is renewed within its time."""

KEPT_HEADERS = ("content-type", "location", "etag")
FINAL_REFUSALS = frozenset({409, 410, 412, 422})
"""Statuses of refusals that the same request will always meet."""
COME_AGAIN = frozenset(
    {
        b"CARD_IN_USE",
        b"CHANGE_UNDER_WAY",
        b"IDEMPOTENCY_KEY_IN_PROGRESS",
        b"INVALID_REQUEST",
        b"NOT_ON_SALE",
        b"PAYMENT_METHOD_MISSING",
        b"SOLD_OUT",
    }
)
"""Codes of those among them that it will not always meet, or whose key may bring it mended."""

log = logging.getLogger("tripsaga.api")

Handler = Callable[[Any], Awaitable[Response]]


async def answer(
    declaration: Declaration, template: str, request: Request, body: Any, handle: Handler
) -> Response:
    """Answer a request to a keyed route: by its ``handle``, or as it was answered before.

    Raises:
        ApiProblem: the key cannot be used.
        KeyReused: it belongs to another request.
        KeyInProgress: the same request is being carried out, for longer than is waited.
    """
    operation = Operation(
        subject=_subject(request),
        route=f"{request.method} {template}",
        key=given_key(declaration, request, body),
        fingerprint=fingerprint(body),
    )
    if declaration.rebuilt:
        request.state.operation = operation
        response = await handle(request)
    else:
        response = await _Keeper(request, operation).answer(declaration, handle)
    response.headers[HEADER] = operation.key
    return response


def _subject(request: Request) -> str:
    """Return whose the key is: the same with each of its API keys or sessions."""
    subject: str = request.state.caller.subject
    return subject


def _condition(request: Request) -> list[str]:
    """Return the version that a request is about, where the header says it and not the body.

    It is what is asked for as much as ``expected_version`` is (decision 103).
    """
    given = request.headers.getlist("if-match")
    return [value if (known := version_of(value)) is None else str(known) for value in given]


class _Keeper:
    """Sees to it that one request is carried out by one attempt at a time, and answered once."""

    def __init__(self, request: Request, operation: Operation) -> None:
        context: AppContext = request.app.state.context
        settings = context.settings.idempotency
        self._request = request
        self._operation = operation
        self._record = context.record
        patience = wanted(request, context.settings.book_wait_seconds)
        self._longest = min(LONGEST_WAIT_SECONDS, patience)
        self._times = Times(
            lease=timedelta(seconds=settings.lease_seconds),
            keep=timedelta(hours=settings.keep_hours),
        )
        self._holder = str(uuid.uuid4())
        # Where it is sent is part of the key: of two bookings, each has its own.
        self._target = canonical({n: str(v) for n, v in request.path_params.items()}).decode()
        hashed = canonical([self._target, operation.key])
        self._slot = Slot(operation.subject, operation.route, hashlib.sha256(hashed).digest())
        # How long is waited is no part of what is asked for.
        asked = sorted(pair for pair in request.query_params.multi_items() if pair[0] != "wait")
        whole = canonical([operation.fingerprint, asked, *_condition(request)])
        self._fingerprint = hashlib.sha256(whole).digest()

    async def answer(self, declaration: Declaration, handle: Handler) -> Response:
        found = await self._claimed_or_answered(declaration)
        if isinstance(found, StoredAnswer):
            return _replayed(found)
        self._request.state.operation = dataclasses.replace(
            self._operation, repeated=found.attempt > 1
        )
        async with self._renewed(found):
            response = await self._carried_out(found, handle)
        return await self._stored(found, response)

    async def _claimed_or_answered(self, declaration: Declaration) -> Claimed | StoredAnswer:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._longest
        pauses = itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1]))
        missed = 0
        while True:
            found = await self._record.statement(self._claim)
            if isinstance(found, Claimed):
                return found
            while found is not None and not found.free:
                if found.fingerprint != self._fingerprint:
                    raise KeyReused(declaration.of)
                if found.answer is not None:
                    return found.answer
                left = deadline - loop.time()
                if left <= 0:
                    raise KeyInProgress(RETRY_AFTER_SECONDS)
                await asyncio.sleep(min(next(pauses), left))
                found = await self._look()
            if found is None:
                missed += 1
                if missed > LOOKS and loop.time() >= deadline:
                    raise database_away()
                await asyncio.sleep(_PAUSES[0])

    async def _claim(self, connection: Any) -> Claimed | table.Found | None:
        return await table.claim(
            connection,
            self._slot,
            fingerprint=self._fingerprint,
            operation_id=self._operation.on(self._target),
            holder=self._holder,
            times=self._times,
        )

    async def _look(self) -> table.Found | None:
        return await self._record.statement(lambda c: table.look(c, self._slot, self._times))

    @asynccontextmanager
    async def _renewed(self, mine: Claimed) -> AsyncIterator[None]:
        """Keep the lease alive while the request is carried out."""

        async def renew() -> None:
            ours = True
            while ours:
                await asyncio.sleep(self._times.lease.total_seconds() / _RENEWALS)
                with suppress(*NOT_READ):
                    ours = await self._record.statement(lambda c: table.renew(c, mine, self._times))

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()

    async def _carried_out(self, mine: Claimed, handle: Handler) -> Response:
        try:
            return await self._in_words(handle)
        except RequestValidationError:  # nothing was begun: the same key may bring it mended
            await self._free(mine)
            raise
        except BaseException:
            await self._leave(mine)
            raise

    async def _in_words(self, handle: Handler) -> Response:
        """Run the handler; a refusal that the application has words for is an answer as well."""
        try:
            return await handle(self._request)
        except RequestValidationError:
            raise
        except Exception as error:
            handlers = self._request.app.exception_handlers
            for kind in type(error).__mro__:
                if kind in handlers:
                    response: Response = await handlers[kind](self._request, error)
                    return response
            raise

    async def _stored(self, mine: Claimed, response: Response) -> Response:
        """Store an answer, or let go of the request; returns what is to be answered."""
        if not is_final(response):
            if 400 <= response.status_code < 500:
                await self._free(mine)
            else:
                await self._leave(mine)
            return response
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        stored = StoredAnswer(response.status_code, kept, bytes(response.body))
        if len(stored.body) > table.LARGEST_BODY:
            log.warning("the answer of %s is too large to be kept", self._operation.route)
            await self._leave(mine)
            return response
        try:
            if await self._record.statement(lambda c: table.finish(c, mine, stored, self._times)):
                return response
            # Another attempt took this one for dead: what that one was told is the answer.
            found = await self._look()
        except NOT_READ as error:  # done all the same: a repeat finds the effect
            log.warning("an answer could not be kept: %s", error)
            return response
        if found is not None and found.answer is not None:
            return _replayed(found.answer)
        return response

    async def _free(self, mine: Claimed) -> None:
        """Free the key: nothing was done by this attempt, and none was before."""
        with suppress(*NOT_READ):
            if not await self._record.statement(lambda c: table.forget(c, mine)):
                await self._leave(mine)

    async def _leave(self, mine: Claimed) -> None:
        """Let the next repeat have it at once. If that cannot be written, the lease ends."""
        with suppress(*NOT_READ):
            await self._record.statement(lambda c: table.let_go(c, mine))


def is_final(response: Response) -> bool:
    """Tell whether the same request will always be answered like this."""
    status = response.status_code
    if status in FINAL_REFUSALS:
        comes_again = any(b'"code":"%s"' % code in response.body for code in COME_AGAIN)
        return not comes_again and "retry-after" not in response.headers
    return 200 <= status < 300 and status != 202


def _replayed(stored: StoredAnswer) -> Response:
    headers = {**stored.headers, REPLAYED: "true"}
    return Response(stored.body, status_code=stored.status, headers=headers)
