"""What routes say about repeats, and what a keyed route knows of its request (decision 0083).

Every route that changes something says, below its own decorator, what a repeat of a request does;
an application with a route that does not say so is not made::

    @router.post("/bookings/{booking_id}/cancel", ...)
    @keyed()
    async def cancel(context: Context, operation: TheOperation, ...) -> CancelAnswer:
        request_id = operation.on(booking_id)   # of the row, workflow or update that does it
        if operation.repeated and (done := await found(request_id)):
            return done

- ``keyed()``: the caller's ``Idempotency-Key`` (or ``idempotency_key`` of the body) names the
  request, and its answer is stored and given again. The handler does what it does under
  :meth:`Operation.on`, so that a process that died before its answer was stored has done nothing
  twice: the repeat runs the handler again, as :attr:`Operation.repeated`, and it has to find what
  is there instead of refusing it. ``keyed(demanded=True)`` refuses a request without the header,
  for what moves money as often as it is asked (decision 108); else a key is made and told.
  ``keyed(rebuilt=True)`` stores nothing: the handler itself answers every repeat from the effect,
  and holds the request against :meth:`Operation.expect_same`. List 409 and 422 among the route's
  problems.
- ``natural``: to do it again changes nothing and is answered alike (PUT with a version, logout).
- ``anew``: what is sent works once; whoever has lost the answer begins anew (codes to sign in with,
  whose answers hold secrets that are kept nowhere).
- ``event``: a signed event with a unique id, kept once.

What is stored: 2xx, and refusals that the same request will always meet. 202 is not an answer yet:
the next repeat runs the handler again. After 5xx too, for it may have been done; after other
refusals the key is free, for nothing was done.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Header, Request
from pydantic import WithJsonSchema

from api.core.problems import ApiProblem
from api.core.strict_json import canonical, expect_fit
from models.core.domain_errors import Keyed, KeyReused
from models.core.keys import operation_id

HEADER: Final = "Idempotency-Key"
FIELD: Final = "idempotency_key"
MUTATING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

IdempotencyKey = Annotated[
    str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"})
]
"""The form is for the OpenAPI document; :func:`checked_key` checks it, with a code of its own."""


# -- what routes declare -----------------------------------------------------------------------


class Repeat(StrEnum):
    """What becomes of a request that is sent again."""

    KEYED = "keyed"
    NATURAL = "natural"
    ANEW = "anew"
    EVENT = "event"


@dataclass(frozen=True)
class Declaration:
    """What a route says about repeats."""

    repeat: Repeat
    rebuilt: bool = False
    """Keyed: the handler answers repeats itself, and nothing is stored."""
    demanded: bool = False
    """Keyed: a request without the header is refused."""
    of: Keyed = Keyed.REQUEST
    """Keyed: what is done once, for whoever uses a key twice."""

    @property
    def is_keyed(self) -> bool:
        """Whether a key names the request."""
        return self.repeat is Repeat.KEYED


def keyed(
    *, rebuilt: bool = False, demanded: bool = False, of: Keyed = Keyed.REQUEST
) -> Callable[[Endpoint], Endpoint]:
    """Declare that a key names the request, and a repeat gets the same answer."""
    return _declaring(Declaration(Repeat.KEYED, rebuilt, demanded, of))


def natural(endpoint: Endpoint) -> Endpoint:
    """Declare that a repeat changes nothing and is answered alike, without any key."""
    return _declaring(Declaration(Repeat.NATURAL))(endpoint)


def anew(endpoint: Endpoint) -> Endpoint:
    """Declare that a repeat does nothing and is refused: whoever sent it begins anew."""
    return _declaring(Declaration(Repeat.ANEW))(endpoint)


def event(endpoint: Endpoint) -> Endpoint:
    """Declare that what comes is a signed event, whose own id has it kept once."""
    return _declaring(Declaration(Repeat.EVENT))(endpoint)


def _declaring(declaration: Declaration) -> Callable[[Endpoint], Endpoint]:
    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__["_repeats"] = declaration
        return endpoint

    return declare


def declared(endpoint: Callable[..., Any]) -> Declaration | None:
    """Return what an endpoint declares; None: nothing."""
    found: Declaration | None = getattr(endpoint, "_repeats", None)
    return found


_TOLD: Final = (
    "1 to 255 visible ASCII characters. The same key and body are done once and answered alike,"
    " however often they are sent."
)


async def _describe(
    idempotency_key: Annotated[
        IdempotencyKey | None,
        Header(
            description=f"{_TOLD} Without one, a key is made and told.", examples=["order-4711"]
        ),
    ] = None,
) -> None:
    """Stand in the OpenAPI document; :func:`given_key` reads the header."""


async def _describe_demanded(
    idempotency_key: Annotated[
        IdempotencyKey, Header(description=f"{_TOLD} Demanded.", examples=["order-4711"])
    ],
) -> None:
    """Stand in the OpenAPI document; :func:`given_key` reads the header."""


def described(declaration: Declaration) -> Any:
    """Return the dependency of a keyed route that describes its header."""
    return Depends(_describe_demanded if declaration.demanded else _describe)


# -- keys and fingerprints ---------------------------------------------------------------------


def new_key() -> str:
    """Return a key for a request that came without one."""
    return secrets.token_urlsafe(32)


def checked_key(key: str | None, field: str = HEADER) -> str:
    """Return the caller's key, or a new one when there is none.

    Raises:
        ApiProblem: 400, it is not 1 to 255 visible ASCII characters; 422, it holds a card number.
    """
    if key is None:
        return new_key()
    if not 1 <= len(key) <= 255 or not all("!" <= character <= "~" for character in key):
        raise ApiProblem(
            400,
            "IDEMPOTENCY_KEY_INVALID",
            f"An {HEADER} has 1 to 255 visible ASCII characters.",
            field=field,
        )
    expect_fit(key, field)
    return key


def fingerprint(body: Any) -> str:
    """Return the fingerprint of a request body, whatever its spelling; the key is no part of it."""
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != FIELD}
    return hashlib.sha256(canonical(body)).hexdigest()


def given_key(declaration: Declaration, request: Request, body: Any) -> str:
    """Return the key of a request. Raises ApiProblem."""
    header = request.headers.get(HEADER)
    inside = body.get(FIELD) if isinstance(body, dict) else None
    if not isinstance(inside, str):  # of another type: the handler's model refuses it
        inside = None
    if header is not None and inside is not None and header != inside:
        detail = f"The {HEADER} header and {FIELD} in the body differ: send one of them."
        raise ApiProblem(422, "CONTRADICTORY_REQUEST", detail, field=FIELD)
    if declaration.demanded and header is None:
        raise ApiProblem(
            400,
            "IDEMPOTENCY_KEY_MISSING",
            f"This request moves money: send an {HEADER} with it, so that it can be repeated.",
            field=HEADER,
        )
    if header is None and inside is not None:
        return checked_key(inside, FIELD)
    return checked_key(header)


# -- operations --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """What one request asks for, and all its repeats."""

    subject: str
    """Whose it is: ``caller:<uuid>``."""
    route: str
    """Such as ``POST /booking/{bookingId}/refund``."""
    key: str
    fingerprint: str
    """Of the body."""
    repeated: bool = False
    """An earlier attempt may have done it, and its answer was lost."""

    def on(self, target: str) -> str:
        """Return the id of this operation on ``target``, however the request spells its name."""
        return operation_id(self.subject, self.route, target, self.key)

    def expect_same(self, made_by: str | None, of: Keyed) -> None:
        """Make sure that what was found under our key was made by the same request.

        Raises:
            KeyReused: ``made_by``, its fingerprint, is another one.
        """
        if made_by != self.fingerprint:
            raise KeyReused(of)


async def _operation(request: Request) -> Operation:
    operation: Operation = request.state.operation
    return operation


TheOperation = Annotated[Operation, Depends(_operation)]
"""Of a keyed route: the operation that the request asks for."""
