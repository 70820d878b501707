"""A provider in memory that has one effect to give, loses answers, and commits late."""

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from models.core.errors import Retryable, Unavailable, UnknownOutcome
from tests.support.interleaving import Dice, gate

PERIOD = dt.timedelta(hours=1)
"""After this time a provider has committed what it will ever commit."""
CONTEXT: dict[str, Any] = {"provider": "somebody", "operation": "book"}


class Effect(BaseModel):
    """What was done."""

    id: str


@dataclass(frozen=True)
class Manner:
    """What a provider promises about an answer that never came."""

    keyed: bool
    """The same idempotency key never has two effects."""
    finds: bool = True
    late_errors: bool = False
    """What was answered with a 5xx may yet take effect."""

    @property
    def kinds(self) -> list[str]:
        """How a call may end, the calm first."""
        kinds = ["done", "lost before", "lost after", "late", "not now", "refused"]
        kinds += ["error before", "error after"] if self.keyed else []
        return kinds + ["late error"] * (6 if self.late_errors else 0)


@dataclass
class Provider:
    """The outside world of one intention."""

    manner: Manner
    dice: Dice
    effects: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    """The keys whose effect is yet to come."""
    log: list[str] = field(default_factory=list)
    _by_key: dict[str, str] = field(default_factory=dict)
    _errors: set[str] = field(default_factory=set)

    async def act(self, version: int) -> Effect:
        """Do it, or fail in one of many ways."""
        await gate("act")
        key = f"key.{version}"
        kind = self.dice.pick(self.manner.kinds)
        self.log.append(f"act {version}: {kind}")
        if self.manner.keyed and key in self._by_key:
            return Effect(id=self._by_key[key])
        if self.manner.keyed and key in self.late:
            raise Retryable("the first request is being worked at", **CONTEXT)
        if key in self._errors:
            raise UnknownOutcome("the stored error", status=500, **CONTEXT)
        match kind:
            case "refused":
                raise Unavailable("sold out", **CONTEXT)
            case "not now":
                raise Retryable("busy", **CONTEXT)
            case "lost before":
                raise UnknownOutcome("timeout", **CONTEXT)
            case "late":
                self.late.append(key)
                raise UnknownOutcome("timeout", **CONTEXT)
            case "late error":
                self.late.append(key)
                self._errors.add(key)
                raise UnknownOutcome("error", status=500, **CONTEXT)
            case "error before":
                self._errors.add(key)
                raise UnknownOutcome("error", status=500, **CONTEXT)
        effect = self._commit(key)
        if kind == "lost after":
            raise UnknownOutcome("timeout", **CONTEXT)
        if kind == "error after":
            raise UnknownOutcome("error", status=500, **CONTEXT)
        return Effect(id=effect)

    @property
    def look_up(self) -> Callable[[dt.datetime], Awaitable[Effect | None]] | None:
        """The look-up by our reference, where there is one."""
        return self._find if self.manner.finds else None

    async def _find(self, _: dt.datetime) -> Effect | None:
        await gate("look up")
        if self.dice.pick(["answers", "answers", "down"]) == "down":
            raise Retryable("down", **CONTEXT)
        return Effect(id=self.effects[0]) if self.effects else None

    def land(self) -> None:
        """Have everything late take effect."""
        for key in self.late:
            self._commit(key)
        self.late.clear()

    def _commit(self, key: str) -> str:
        if self.manner.keyed and key in self._by_key:
            return self._by_key[key]
        effect = f"effect {len(self.effects) + 1}"
        self.effects.append(effect)
        self._by_key[key] = effect
        return effect
