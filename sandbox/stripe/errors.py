"""Stripe's errors: HTTP status and ``{"error": {"type": …}}``."""

from typing import Any

from sandbox.world import Answer


class ApiError(Exception):
    """An error answer of Stripe.

    Attributes:
        status: HTTP status.
        executed: the endpoint had begun executing, so that the answer is kept under the
            idempotency key; validation failures are not (providers.md §1).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        executed: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.executed = executed
        error: dict[str, Any] = {"message": message, "type": kind}
        error.update({name: value for name, value in details.items() if value is not None})
        if "code" in error:
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{error['code']}"
        self.error = error

    def answer(self, **extra: Any) -> Answer:
        """Return it as an answer; ``extra`` goes to the log."""
        return Answer(self.status, {"error": self.error}, extra=extra)


def missing(kind: str, identifier: str, param: str = "intent") -> ApiError:
    """404: no such object."""
    return ApiError(
        f"No such {kind}: '{identifier}'", status=404, code="resource_missing", param=param
    )


def unexpected_state(intent: dict[str, Any], message: str) -> ApiError:
    """400: the PaymentIntent is not in a state for this; it comes along."""
    return ApiError(
        message, code="payment_intent_unexpected_state", payment_intent=intent, executed=True
    )


def internal() -> ApiError:
    """500: something went wrong on Stripe's end."""
    return ApiError(
        "Sorry! There was an error while talking to one of our backends. (The sandbox was told"
        " to fail here.)",
        status=500,
        kind="api_error",
    )
