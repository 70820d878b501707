"""Scripted suppliers: what each answers as it should, and how every other answer ends."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.core.errors import AuthConfig, ProviderError, Retryable, UnknownOutcome
from settings import Settings
from suppliers.core.protocol import Supplier
from tests.suppliers.conftest import ENOUGH, Reply, Scripted

Row = tuple[Reply, type[ProviderError]]
Rows = tuple[Row, ...]


def rows(error: type[ProviderError], *replies: Reply) -> Rows:
    """Replies that all end in the same error."""
    return tuple((reply, error) for reply in replies)


@dataclass(frozen=True)
class Endpoint:
    """One request of an operation, and how its answers end."""

    operation: str
    """As errors name it; empty where they name another."""
    path: str
    """How its path ends."""
    call: Callable[[Any], Awaitable[object]]
    """Makes the adapter send it."""
    own: Rows = ()
    """What this supplier answers here, besides what it answers everywhere."""
    changes: bool = False
    """An answer that tells nothing is an unknown outcome."""
    ok: int = 200
    """The status of its success."""
    most: int = 1
    """So many requests on this path are sent at most: adapters never retry."""
    before: tuple[Reply, ...] = ()
    """What is answered first on the same path."""
    after: tuple[Reply, ...] = ()
    """What is answered afterwards on the same path."""
    common: bool = True
    """Answers of proxies and of nobody end here as everywhere."""
    everywhere: bool = True

    def silent(self) -> type[ProviderError]:
        return UnknownOutcome if self.changes else Retryable


@dataclass(frozen=True)
class Script:
    """A supplier that answers what it is told."""

    make: Callable[[Settings], Supplier]
    base: str
    """What follows the address in the supplier's base URL."""
    replies: Mapping[str, Reply]
    """By the end of the path: answers as they should be."""
    endpoints: tuple[Endpoint, ...]
    everywhere: Rows = ()
    """Errors that mean the same at every request."""
    not_common: frozenset[int] = frozenset()
    """Statuses of common answers that this supplier's table judges in another way."""

    @property
    def name(self) -> str:
        return str(getattr(self.make, "name"))  # noqa: B009

    def supplier(self, scripted: Scripted, timeout: float = ENOUGH) -> Supplier:
        """The adapter, and all answers as they should be."""
        scripted.replies.clear()
        scripted.requests.clear()
        for path, reply in self.replies.items():
            scripted.say(path, reply)
        base: dict[str, Any] = {self.name: {"base_url": scripted.url + self.base}}
        return self.make(Settings(provider_timeout_seconds=timeout, **base))


_NO_JSON: tuple[Any, ...] = (b"", b"{", b"\xff\xfe", [], b"[" * 20_000)


def common(endpoint: Endpoint) -> Rows:
    """Answers that no supplier publishes: of proxies, of broken servers, of nobody."""
    return (
        *rows(
            endpoint.silent(),
            Reply(0),
            Reply(500, b""),
            Reply(502, b"<html>Bad gateway</html>"),
            Reply(504, b""),
            Reply(400, b"<html>"),
            Reply(302, b"", {"Location": "/elsewhere"}),
            *(Reply(endpoint.ok, body) for body in _NO_JSON),
        ),
        *rows(AuthConfig, Reply(403, b"<html>")),
        *rows(Retryable, Reply(429, b"")),
    )
