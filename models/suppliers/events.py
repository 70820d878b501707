"""What suppliers tell, as it is kept in the inbox: webhooks, and entries of lists of changes."""

import hashlib
import re

from models.core.supply import SupplierChange, SupplierEvent
from models.inbox.repository import NewEvent

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:\-]{1,255}")


def supplier_event(
    supplier: str, event: SupplierEvent, *, kept_because: str | None = None
) -> NewEvent:
    """Return a supplier's verified webhook as it is kept: its identity, and nothing else of it."""
    kind, reference = _identifier(event.type), _name(event.reference)
    supplier_id = _name(event.supplier_id)
    if reference is None and supplier_id is None:
        kept_because = kept_because or "it names no reservation"
    return NewEvent(
        gateway=supplier,
        event_id=_identifier(event.id),
        type=kind,
        livemode=event.livemode,
        reference=reference,
        supplier_id=supplier_id,
        created_at=event.at,
        payload={"type": kind, "reference": reference, "supplierId": supplier_id},
        kept_because=kept_because,
    )


def change_event(supplier: str, change: SupplierChange) -> NewEvent:
    """Return an entry of a supplier's list of changes as an event: its identity is its own."""
    own = change.acknowledgement or f"{change.supplier_id}:{change.kind}:{change.at.isoformat()}"
    event = SupplierEvent(
        id=own,
        type=change.kind,
        at=change.at,
        reference=change.reference,
        supplier_id=change.supplier_id,
    )
    return supplier_event(supplier, event)


def _identifier(words: str) -> str:
    """Return ``words`` if they may be an identifier here, else a hash of them."""
    if _IDENTIFIER.fullmatch(words):
        return words
    return f"sha256:{hashlib.sha256(words.encode()).hexdigest()}"


def _name(words: str | None) -> str | None:
    """Return ``words`` if they may be our reference; no reference is written otherwise."""
    return words if words is not None and _IDENTIFIER.fullmatch(words) else None
