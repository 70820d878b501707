"""Answers in which one field has another form than published, or is not there."""

import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from models.core.errors import Fault, ProviderError
from models.core.supply import Reservation, ReservationStatus
from tests.suppliers.conftest import Reply, Scripted

ABSENT: Any = object()
ODD: tuple[Any, ...] = (ABSENT, None, "unheard of", 7, True, [], {}, [None])
"""What a field may be instead; ABSENT: nothing."""


@dataclass(frozen=True)
class Form:
    """One answer, what of it an adapter needs, and the call that reads it."""

    path: str
    """How the path ends on which it comes."""
    status: int
    body: Any
    needed: Collection[str]
    """Paths such as ``data.slices.*.segments``."""
    call: Callable[[Any], Awaitable[Any]]
    stands: ReservationStatus | None = ReservationStatus.CONFIRMED
    """As what a reservation is read, whatever form the rest has."""
    words: Mapping[str, str] = field(default_factory=dict)
    """How a lack is told where that is not by its name; by a step that leads there."""
    skipped: Collection[str] = ()
    """Fields that mean something in any form."""
    before: Sequence[Reply] = ()
    """What is answered first on the same path."""
    after: Sequence[Reply] = ()
    """What is answered afterwards on the same path."""
    others: Mapping[str, Reply] = field(default_factory=dict)
    """What is answered on other paths, where it is not what the script has."""

    async def check_any_form(self, scripted: Scripted, supplier: Any) -> None:
        """What nobody needs may have any form: the answer is read all the same."""
        self._prepare(scripted)
        for name, odd in other_forms(self.body, {*self.needed, *self.skipped}):
            scripted.say(self.path, *self.before, Reply(self.status, odd), *self.after)
            try:
                answer = await self.call(supplier)
            except ProviderError as error:
                raise AssertionError(f"{name}: {error}") from error
            if isinstance(answer, Reservation):
                assert answer.status is self.stands, name

    async def check_what_is_lacking(self, scripted: Scripted, supplier: Any) -> None:
        """What is needed and is not there is told by its name, and is never a refusal."""
        self._prepare(scripted)
        found = set()
        for name, odd in lacking(self.body, self.needed):
            found.add(name)
            scripted.say(self.path, *self.before, Reply(self.status, odd), *self.after)
            with pytest.raises(Fault) as caught:
                await self.call(supplier)
            *steps, last = name.split(".")
            told = next((self.words[step] for step in steps if step in self.words), last)
            assert told in str(caught.value), (name, caught.value)
        assert found == {*self.needed}, "the answer as it should be has them all"

    def _prepare(self, scripted: Scripted) -> None:
        for path, reply in self.others.items():
            scripted.say(path, reply)


def other_forms(body: Any, needed: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield the body again and again, each time with one field that nobody needs in another form.

    ``needed`` are paths such as ``data.slices.*.segments``: what leads there is needed, too, and
    the rest is not.
    """
    for path, name in _fields(body, ()):
        if name and not any(f"{one}.".startswith(f"{name}.") for one in needed):
            for odd in ODD:
                yield name, replaced(body, path, odd)


def lacking(body: Any, needed: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield the body again and again, each time without one of the fields that are needed."""
    for path, name in _fields(body, ()):
        if name in needed:
            for odd in (ABSENT, None):
                yield name, replaced(body, path, odd)


def _fields(node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    yield path, ".".join("*" if isinstance(step, int) else step for step in path)
    pairs: list[tuple[str | int, Any]] = []
    if isinstance(node, dict):
        pairs = [*node.items()]
    elif isinstance(node, list):
        pairs = [*enumerate(node)]
    if isinstance(node, list) or all(str(name).isdecimal() for name, _ in pairs):
        pairs = pairs[:1]  # what holds for one holds for each
    for step, inner in pairs:
        yield from _fields(inner, (*path, step))


def replaced(body: Any, path: tuple[str | int, ...], odd: Any) -> Any:
    """Return a copy of the body with ``odd`` at that place, or nothing there (ABSENT)."""
    whole = json.loads(json.dumps(body))  # a part that stands in two places is two parts
    node = whole
    for step in path[:-1]:
        node = node[step]
    if odd is ABSENT:
        del node[path[-1]]
    else:
        node[path[-1]] = odd
    return whole
