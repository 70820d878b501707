"""Answers in which one field has another form than published."""

import json
from collections.abc import Iterator
from typing import Any, Final

ABSENT: Final = object()
_FORMS: Final[tuple[Any, ...]] = (ABSENT, None, "?", 7, True, [], {}, [None])


def odd_forms(body: Any) -> Iterator[tuple[str, Any]]:
    """Yield a body for each field in it and each other form: absent, null, of another type.

    With the field's path, such as ``bookableItems.available``.
    """
    for steps, value in _fields(body, ()):
        for form in _FORMS:
            if form is ABSENT or form is None or not _alike(form, value):
                changed = json.loads(json.dumps(body))
                inner = changed
                for step in steps[:-1]:
                    inner = inner[step]
                if form is ABSENT:
                    del inner[steps[-1]]
                else:
                    inner[steps[-1]] = form
                yield ".".join(step for step in steps if isinstance(step, str)), changed


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
