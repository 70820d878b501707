"""Stripe's side of a booking, as the dashboard, banks and card holders act on it, and as it is."""

from dataclasses import dataclass
from typing import Any

import httpx

HEADERS = {"Authorization": "Bearer sk_test_sandbox"}
_GIVES_BACK = frozenset({"succeeded", "pending", "requires_action"})


@dataclass(frozen=True)
class Charge:
    """A payment as Stripe has it; minor units."""

    id: str
    booking_id: str
    status: str
    captured: int
    refunds: list[dict[str, Any]]
    complaints: list[dict[str, Any]]
    """Disputes, and enquiries that may yet become some."""

    @property
    def disputes(self) -> list[dict[str, Any]]:
        """Those that have taken money; a bank that only asks takes none."""
        return [one for one in self.complaints if not one["status"].startswith("warning_")]

    @property
    def refunded(self) -> int:
        """What has gone, or is on its way, to the traveller."""
        return sum(one["amount"] for one in self.refunds if one["status"] in _GIVES_BACK)

    @property
    def withdrawn(self) -> int:
        """What disputes have taken and not returned."""
        return sum(one["amount"] for one in self.disputes if one["status"] != "won")

    @property
    def left(self) -> int:
        """What is still there."""
        return self.captured - self.refunded - self.withdrawn


class Outside:
    """Acts without us. What Stripe refuses is no error: it answers None."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def charge(self, payment: str) -> Charge:
        """Read a payment whole."""
        intent = await self._get(f"payment_intents/{payment}")
        return Charge(
            id=payment,
            booking_id=intent["metadata"].get("booking_id", ""),
            status=intent["status"],
            captured=intent["amount_received"],
            refunds=await self._list("refunds", payment_intent=payment),
            complaints=await self._list("disputes", payment_intent=payment),
        )

    async def refund(self, payment: str, amount: int) -> str | None:
        """Somebody refunds in the dashboard."""
        if amount <= 0:
            return None
        return await self._do("/stripe/v1/refunds", payment_intent=payment, amount=amount)

    async def send_back(self, refund: str) -> str | None:
        """The card holder's bank sends a refund back."""
        return await self._do(f"/_sandbox/stripe/refunds/{refund}/fail")

    async def dispute(self, payment: str, amount: int, *, enquiry: bool = False) -> str | None:
        """The card holder disputes a charge, or their bank only asks about it."""
        if amount <= 0:
            return None
        path = f"/_sandbox/stripe/payment_intents/{payment}/dispute"
        return await self._do(f"{path}?amount={amount}&enquiry={str(enquiry).lower()}")

    async def decide(self, dispute: str, outcome: str) -> str | None:
        """A dispute is won or lost."""
        return await self._do(f"/_sandbox/stripe/disputes/{dispute}?outcome={outcome}")

    async def authenticate(self, payment: str, outcome: str) -> None:
        """The traveller says yes ("succeed") or no ("fail") to the card issuer."""
        done = await self._do(f"/stripe/_authenticate/{payment}?outcome={outcome}")
        assert done is not None

    async def stray(self, booking_id: str, amount: int, currency: str, *, taken: bool) -> str:
        """A payment comes to be under a booking's id that the system never asked for."""
        made = await self._do(
            "/stripe/v1/payment_intents",
            amount=amount,
            currency=currency.lower(),
            capture_method="automatic" if taken else "manual",
            payment_method="pm_card_visa",
            confirm="true",
            return_url="http://127.0.0.1/",
            **{"metadata[booking_id]": booking_id},
        )
        assert made is not None
        return made

    async def _do(self, path: str, **form: Any) -> str | None:
        answer = await self._http.post(path, data=form, headers=HEADERS)
        assert answer.status_code in {200, 400}, answer.text
        return str(answer.json()["id"]) if answer.status_code == 200 else None

    async def _get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self._http.get(f"/stripe/v1/{path}", params=params, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def _list(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Everything in a list, oldest first; these are short."""
        page = await self._get(path, limit=100, **params)
        assert not page["has_more"]
        return list(reversed(page["data"]))
