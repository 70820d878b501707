"""What a supplier's error points at in our request, as the field of the caller's it was made of."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from models.core.errors import InvalidRequest, ProviderError
from models.core.party import place
from suppliers.core.protocol import Party

_PART: Final = re.compile(r"[^/\[\]]+")
_PLACE: Final = re.compile("[0-9]{1,3}")
_OF_THE_CONTACT: Final = frozenset({"email", "phone"})
"""What is the contact's where a traveller has none of their own."""


def field_at(
    pointer: str | None, party: Party, people: Sequence[int], names: Mapping[str, str]
) -> str | None:
    """Return the caller's field; None where it is none of a traveller's or of the contact's.

    Args:
        pointer: a JSON Pointer (RFC 6901) into our request; ``[0]`` counts as ``/0``.
        party: who travels.
        people: the place in the party of each person in the request, in the request's order.
        names: a person's fields by the supplier's names without places, ``documents/number``.
    """
    parts = _PART.findall(pointer or "")
    if parts[:1] == ["data"]:
        parts = parts[1:]
    if not parts or parts[0] not in ("travelers", "passengers", "contacts"):
        return None
    tail = [part for part in parts[1:] if not _PLACE.fullmatch(part)]
    known = ("/".join(tail[:length]) for length in range(len(tail), 0, -1))
    name = next((names[path] for path in known if path in names), None)
    if parts[0] == "contacts":
        return f"userContact.{name}" if name in _OF_THE_CONTACT else "userContact"
    number = int(parts[1]) if len(parts) > 1 and _PLACE.fullmatch(parts[1]) else len(people)
    if number >= len(people):
        return "travelers"
    traveler = people[number]
    if name in _OF_THE_CONTACT and getattr(party.travelers[traveler], name) is None:
        return f"userContact.{name}"
    return place(traveler) if name is None else place(traveler, name)


def about(error: ProviderError, field: str | None) -> ProviderError:
    """Return an error with the field it is about, where it is about what was sent."""
    if isinstance(error, InvalidRequest):
        error.field = field
    return error
