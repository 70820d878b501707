"""What happens to a payment at the gateway without us, as tests arrange it; and settling it."""

import asyncio
import contextlib
from typing import Any

import psycopg
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.bookings.booking import Booking
from models.bookings.messages import RequestKind
from models.core.keys import payment_key
from models.payments.messages import GoodwillRefund, SettlePaymentRequest
from temporal import patience
from tests.support.stack import Stack
from workflows.payments.settle_payment import SettlePayment

_KEY = {"Authorization": "Bearer sk_test_sandbox"}


async def lost_create(database_url: str, booking_id: str, gateway: str = "stripe") -> None:
    """Have the attempt log hold a request for a payment that never got an answer."""
    key = payment_key(booking_id, 1, "create")
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(
            "INSERT INTO attempts (booking_id, provider, operation, key, number, outcome,"
            " finished_at) SELECT %s, %s, 'create', %s, coalesce(max(number), 0) + 1, 'repeated',"
            " now() FROM attempts WHERE key = %s",
            (booking_id, gateway, key, key),
        )


class Gateway:
    """The Stripe sandbox, seen from its dashboard and from card holders' banks."""

    def __init__(self, stack: Stack) -> None:
        self._http = stack.sandbox.http
        self._database = stack.settings.database.url

    async def refund(self, payment_id: str, amount: int | None = None) -> dict[str, Any]:
        """Somebody refunds in the dashboard."""
        data = {"payment_intent": payment_id, **({"amount": str(amount)} if amount else {})}
        return await self._post("/stripe/v1/refunds", data=data, headers=_KEY)

    async def capture(self, payment_id: str) -> dict[str, Any]:
        """Somebody takes in the dashboard what is held."""
        return await self._post(f"/stripe/v1/payment_intents/{payment_id}/capture", headers=_KEY)

    async def fail_refund(self, refund_id: str) -> None:
        """The card holder's bank sends a refund back."""
        await self._post(f"/_sandbox/stripe/refunds/{refund_id}/fail")

    async def dispute(self, payment_id: str, amount: int | None = None) -> str:
        """The card holder disputes the charge; returns the dispute's id."""
        params = {"amount": amount} if amount else None
        made = await self._post(
            f"/_sandbox/stripe/payment_intents/{payment_id}/dispute", params=params
        )
        return str(made["id"])

    async def close_dispute(self, dispute_id: str, outcome: str) -> None:
        """The bank decides: won or lost."""
        await self._post(f"/_sandbox/stripe/disputes/{dispute_id}", params={"outcome": outcome})

    async def stray(self, booking_id: str, *, capture: bool, amount: int = 5000) -> str:
        """A payment under a booking's id from a request whose answer never came; returns its id."""
        await lost_create(self._database, booking_id)
        made = await self._post(
            "/stripe/v1/payment_intents",
            headers=_KEY,
            data={
                "amount": str(amount),
                "currency": "usd",
                "capture_method": "automatic" if capture else "manual",
                "payment_method": "pm_card_visa",
                "confirm": "true",
                "return_url": "http://127.0.0.1/",
                "metadata[booking_id]": booking_id,
            },
        )
        return str(made["id"])

    async def _post(self, path: str, **more: Any) -> dict[str, Any]:
        answer = await self._http.post(path, **more)
        assert answer.status_code < 400, answer.text
        return dict(answer.json())


async def settling(
    stack: Stack,
    booking: Booking,
    *,
    stray: str | None = None,
) -> WorkflowHandle[SettlePayment, Booking]:
    """Start SettlePayment as an event of the gateway does: when nothing runs for the booking.

    What is recorded may have been recorded by a run that has not quite ended yet.
    """
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(WorkflowAlreadyStartedError):
                return await stack.client.start_workflow(
                    SettlePayment.run,
                    SettlePaymentRequest(
                        booking_id=booking.id,
                        why="a test looks",
                        stray=stray,
                        patience=patience(stack.settings),
                    ),
                    id=booking.id,
                    task_queue=stack.settings.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                )
            await asyncio.sleep(0.05)


async def settled(stack: Stack, booking: Booking, **more: Any) -> Booking:
    """Settle; returns the booking after it, as recorded."""
    handle = await settling(stack, booking, **more)
    await asyncio.wait_for(handle.result(), 60)
    return await stack.recorded(booking.id)


async def granted(stack: Stack, booking: Booking, refund: GoodwillRefund) -> Booking:
    """Have an operator give back more than the terms ask for; returns the booking after it."""
    request = await stack.send(RequestKind.REFUND, booking.id, refund)
    problem = await stack.ended(request)
    assert problem is None, problem
    return await stack.recorded(booking.id)
