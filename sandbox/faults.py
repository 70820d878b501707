"""The fault switch: what goes wrong, at which call, decided by whoever tests us.

A fault is armed for one supplier and operation and fires at the nth matching call or by a seeded
rate, so that every run with the same calls has the same faults.
"""

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_PAYMENTS: Final = frozenset({"create", "confirm", "capture", "cancel", "refund", "retrieve"})

OPERATIONS: Final[dict[str, frozenset[str]]] = {
    "rates": frozenset({"quote"}),
    "stripe": _PAYMENTS,
    "payment_service": _PAYMENTS,
    "mail": frozenset({"deliver"}),
    "texts": frozenset({"send"}),
}
"""What the gateways, the rate source and the carriers can be asked to do; sellers add theirs."""

KINDS: Final[dict[str, float | None]] = {
    "refuse": None,
    "error": None,
    "reset": None,
    "hang": 60,
    "commit_then_hang": 60,
    "late_commit": 10,
    "commit_then_error": None,
    "duplicate": None,
    "malformed": None,
    "price_drift": None,
    "authenticate": None,
    "slow": 3,
    "short_hold": 5,
}
"""Every kind of fault with its default ``seconds``, where it takes time."""


@dataclass
class Fault:
    """An armed fault. ``seconds`` is how long it holds a request up, where it does."""

    id: str
    supplier: str
    operation: str
    kind: str
    nth: int | None
    """Fires from the nth matching call on, counted from arming; None with a rate."""
    rate: float | None
    times: int | None
    """How often it fires at most; None without limit."""
    seed: int
    seconds: float
    reference: str | None
    """Only calls whose reference contains this; None for all."""
    calls: int = 0
    """Matching calls seen."""
    fired: int = 0
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def matches(self, supplier: str, operation: str, reference: str | None) -> bool:
        """Tell whether a call is one of those this fault is armed for."""
        return (
            self.supplier == supplier
            and self.operation == operation
            and (self.reference is None or self.reference in (reference or ""))
        )

    def due(self) -> bool:
        """Count one matching call and tell whether the fault wants to fire at it."""
        self.calls += 1
        # The dice are thrown at every call, so that a limit or a rival does not shift them.
        thrown = self.rate is not None and self._dice.random() < self.rate
        if self.times is not None and self.fired >= self.times:
            return False
        return thrown if self.nth is None else self.calls >= self.nth

    def as_json(self) -> dict[str, object]:
        """Return what ``GET /_sandbox/faults`` shows."""
        return {
            name: getattr(self, name)
            for name in (
                "id",
                "supplier",
                "operation",
                "kind",
                "nth",
                "rate",
                "times",
                "seed",
                "seconds",
                "reference",
                "calls",
                "fired",
            )
        }


class FaultSwitch:
    """All armed faults, in the order of arming; the first that is due wins a call."""

    def __init__(self, operations: Mapping[str, frozenset[str]] = OPERATIONS) -> None:
        self.operations = dict(operations)
        """What each supplier can be asked to do."""
        self._armed: dict[str, Fault] = {}
        self._ids = itertools.count(1)

    def arm(
        self,
        supplier: str,
        operation: str,
        kind: str,
        *,
        nth: int | None = None,
        rate: float | None = None,
        times: int | None = None,
        seed: int = 0,
        seconds: float | None = None,
        reference: str | None = None,
    ) -> Fault:
        """Arm a fault and return it.

        Without ``rate`` it fires at the ``nth`` (default first) matching call from now, ``times``
        (default once). With ``rate`` (0..1) it fires by chance, without limit unless ``times``.

        Raises:
            ValueError: unknown supplier, operation or kind, or both ``nth`` and ``rate``.
        """
        known = self.operations
        if supplier not in known:
            raise ValueError(f"supplier {supplier!r} is unknown; known: {_listed(known)}")
        if operation not in known[supplier]:
            raise ValueError(
                f"{supplier} has no operation {operation!r}; it has: {_listed(known[supplier])}"
            )
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r} is unknown; known: {', '.join(KINDS)}")
        if rate is not None and nth is not None:
            raise ValueError("give nth or rate, not both")
        fault = Fault(
            id=f"fault_{next(self._ids)}",
            supplier=supplier,
            operation=operation,
            kind=kind,
            nth=(nth or 1) if rate is None else None,
            rate=rate,
            times=times if times is not None or rate is not None else 1,
            seed=seed,
            seconds=seconds if seconds is not None else (KINDS[kind] or 0),
            reference=reference,
        )
        self._armed[fault.id] = fault
        return fault

    def draw(self, supplier: str, operation: str, reference: str | None = None) -> Fault | None:
        """Return the fault this call meets, or None. Every call is counted once by each fault."""
        drawn: Fault | None = None
        for fault in self._armed.values():
            if fault.matches(supplier, operation, reference) and fault.due() and drawn is None:
                drawn = fault
        if drawn is not None:
            drawn.fired += 1
        return drawn

    def list(self) -> "list[Fault]":
        """Return all armed faults, fired ones included."""
        return [*self._armed.values()]

    def clear(self, fault_id: str | None = None) -> int:
        """Disarm one fault, or all; return how many were armed."""
        if fault_id is None:
            count = len(self._armed)
            self._armed.clear()
            return count
        return 1 if self._armed.pop(fault_id, None) is not None else 0


def _listed(words: "dict[str, frozenset[str]] | frozenset[str]") -> str:
    return ", ".join(sorted(words))
