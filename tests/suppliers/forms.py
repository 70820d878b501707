"""Answers in which one field has another form than published, or is not there."""

import copy
from collections.abc import Collection, Iterator
from typing import Any

ABSENT: Any = object()
ODD: tuple[Any, ...] = (ABSENT, None, "unheard of", 7, [], {})
"""What a field may be instead; ABSENT: nothing."""


def other_forms(body: Any, needed: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield the body again and again, each time with one field that nobody needs in another form.

    ``needed`` are paths such as ``data.slices.*.segments``: what leads there is needed, too, and
    the rest is not.
    """
    for path, name in _fields(body, ()):
        if name and not any(f"{one}.".startswith(f"{name}.") for one in needed):
            for odd in ODD:
                yield name, _replaced(body, path, odd)


def lacking(body: Any, needed: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield the body again and again, each time without one of the fields that are needed."""
    for path, name in _fields(body, ()):
        if name in needed:
            for odd in (ABSENT, None):
                yield name, _replaced(body, path, odd)


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


def _replaced(body: Any, path: tuple[str | int, ...], odd: Any) -> Any:
    whole = copy.deepcopy(body)
    node = whole
    for step in path[:-1]:
        node = node[step]
    if odd is ABSENT:
        del node[path[-1]]
    else:
        node[path[-1]] = odd
    return whole
