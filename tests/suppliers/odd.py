"""Answers in which one field has another form than published."""

from collections.abc import Iterator
from typing import Any, Final

from tests.suppliers.forms import ABSENT, replaced

_FORMS: Final[tuple[Any, ...]] = (ABSENT, None, "?", 7, True, [], {}, [None])


def odd_forms(body: Any) -> Iterator[tuple[str, Any]]:
    """Yield a body for each field in it and each other form: absent, null, of another type.

    With the field's path, such as ``bookableItems.available``.
    """
    for steps, value in _fields(body, ()):
        for form in _FORMS:
            if form is ABSENT or form is None or not _alike(form, value):
                name = ".".join(step for step in steps if isinstance(step, str))
                yield name, replaced(body, steps, form)


def _alike(form: Any, value: Any) -> bool:
    numbers = isinstance(value, int | float) and not isinstance(value, bool)
    return type(form) is type(value) or (numbers and type(form) is int)


def _fields(value: Any, steps: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*steps, name), inner
            yield from _fields(inner, (*steps, name))
    elif isinstance(value, list) and value:
        yield from _fields(value[0], (*steps, 0))
