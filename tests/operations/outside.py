"""Stripe's side, as its dashboard, its banks and its card holders act on it."""

import uuid
from typing import Any

from tests.support.sandbox_client import SandboxClient

HEADERS = {"Authorization": "Bearer sk_test_sandbox"}


class Outside:
    """Acts on the sandbox's Stripe without us."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self._http = sandbox.http

    async def _post(self, path: str, **form: Any) -> dict[str, Any]:
        answer = await self._http.post(path, data=form, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def pay(
        self, amount: int, *, booking: str | None, captured: bool, currency: str = "usd"
    ) -> str:
        """Make a payment that this system did not ask for; returns its id."""
        metadata = {"metadata[booking_id]": booking} if booking else {}
        intent = await self._post(
            "/stripe/v1/payment_intents",
            amount=amount,
            currency=currency,
            capture_method="manual",
            payment_method="pm_card_visa",
            confirm="true",
            **{"automatic_payment_methods[enabled]": "true"},
            **{"automatic_payment_methods[allow_redirects]": "never"},
            **metadata,
        )
        if captured:
            await self._post(f"/stripe/v1/payment_intents/{intent['id']}/capture")
        return str(intent["id"])

    async def refund(self, payment: str, amount: int) -> str:
        """Give money back in the dashboard."""
        refund = await self._post(
            "/stripe/v1/refunds",
            payment_intent=payment,
            amount=amount,
            **{"metadata[by]": uuid.uuid4().hex},
        )
        return str(refund["id"])

    async def release(self, payment: str) -> None:
        """Cancel a payment in the dashboard; a hold that lapses looks the same."""
        await self._post(f"/_sandbox/stripe/payment_intents/{payment}/cancel")

    async def dispute(self, payment: str) -> str:
        """Have the card holder dispute the charge."""
        dispute = await self._post(f"/_sandbox/stripe/payment_intents/{payment}/dispute")
        return str(dispute["id"])

    async def decide(self, dispute: str, outcome: str) -> None:
        """End a dispute: won or lost."""
        await self._post(f"/_sandbox/stripe/disputes/{dispute}?outcome={outcome}")

    async def send_back(self, refund: str) -> None:
        """Have the bank refuse a refund that had succeeded."""
        await self._post(f"/_sandbox/stripe/refunds/{refund}/fail")

    async def payment(self, payment: str) -> dict[str, Any]:
        """Return a payment as Stripe has it."""
        answer = await self._http.get(f"/stripe/v1/payment_intents/{payment}", headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
