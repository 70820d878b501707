"""Money that is held: until when, and how holding it ends without taking it."""

import math
from typing import Final

from sandbox.stripe.account import Account
from sandbox.stripe.objects import HOLD_DAYS, Document

_HOLD_SECONDS: Final = HOLD_DAYS * 86_400
_WATCHED_SECONDS: Final = 3_600
"""Holds that end within this time end by a timer; the others when somebody looks."""


def shorten(account: Account, intent: Document, seconds: float) -> None:
    """Let the intent's next hold last only ``seconds``."""
    account.hold_seconds.put(intent["id"], {"seconds": seconds})


def ends_at(account: Account, intent: Document) -> int:
    """Return when a hold that begins now ends (unix seconds)."""
    kept = account.hold_seconds.get(intent["id"])
    seconds = kept["seconds"] if kept else _HOLD_SECONDS
    return math.ceil(account.world.now().timestamp() + seconds)


def watch(account: Account, intent: Document) -> None:
    """End the intent's hold in time, when that is soon."""
    if _ends(account, intent) - account.now() <= _WATCHED_SECONDS:
        account.world.spawn(_end_in_time(account, intent))


def watch_all(account: Account) -> None:
    """Go on with the holds that an earlier process left."""
    for intent in [*account.shelves["pi"].documents.values()]:
        if intent["status"] == "requires_capture":
            watch(account, intent)


def expire(account: Account, intent: Document) -> None:
    """Cancel the intent by itself when its hold has lapsed."""
    if intent["status"] != "requires_capture" or account.now() < _ends(account, intent):
        return
    charge = account.get("ch", intent["latest_charge"])
    cancelled(account, intent, "expired")
    account.emit("charge.expired", charge)
    account.world.log.append(
        "stripe",
        "cancel",
        intent["metadata"].get("booking_id", intent["id"]),
        "released",
        0,
        id=intent["id"],
        amount=intent["amount"],
    )


def cancelled(account: Account, intent: Document, reason: str | None) -> None:
    """Cancel the intent, releasing what is held."""
    intent.update(
        status="canceled",
        amount_capturable=0,
        canceled_at=account.now(),
        cancellation_reason=reason,
        next_action=None,
    )
    account.put(intent)
    account.emit("payment_intent.canceled", intent)


def _ends(account: Account, intent: Document) -> int:
    charge = account.get("ch", intent["latest_charge"])
    return int(charge["payment_method_details"]["card"]["capture_before"])


async def _end_in_time(account: Account, intent: Document) -> None:
    ends = _ends(account, intent)
    while intent["status"] == "requires_capture" and not account.world.closing.is_set():
        await account.world.pause(max(ends - account.world.now().timestamp(), 0.01))
        expire(account, intent)
