"""What can go wrong at a supplier or a gateway, told apart by what the saga must do.

::

    ProviderError
    ├── Refusal                 a definite "no": nothing was done, do not ask again
    │   ├── Unavailable         sold out, offer gone
    │   ├── PriceChanged        re-quote; another price than agreed
    │   ├── InvalidRequest      traveller or payload data wrong
    │   ├── Declined            the payment was refused
    │   ├── NotCancellable      the supplier will not cancel it
    │   ├── NoExchangeRate      the price cannot be converted to the payment's currency
    │   └── AuthConfig          credentials or contract; an operator must mend it
    └── Fault                   no answer to rely on
        ├── Retryable           nothing was done; ask again after a pause
        ├── UnknownOutcome      it may have been done: look up first
        └── Duplicate           our reference is taken: look up and adopt

Source: providers.md, "Shared vocabulary"; reliability.md rule 1.
"""

import datetime as dt

from models.core.incoming import without_card_numbers
from models.core.money import Money
from models.core.text import storable, visible

OTHER_THAN_ASKED = "other_than_asked"
"""Code of an answer about something that was made, and is not what was asked for."""


class ProviderError(Exception):
    """Any failed call to a supplier or gateway.

    Attributes:
        provider: the supplier's or gateway's name (``amadeus``, ``stripe``).
        operation: quote, book, find, cancel, create, confirm, capture, refund, retrieve.
        code: the provider's own error code, for operators.
        status: the HTTP status, where there was an answer.
        request_id: the provider's id of the request, for its support desk.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        operation: str,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        # All three may be a supplier's own words.
        super().__init__(without_card_numbers(visible(storable(message))))
        self.provider = provider
        self.operation = operation
        self.code = None if code is None else storable(code)
        self.status = status
        self.request_id = None if request_id is None else storable(request_id)

    @property
    def kind(self) -> str:
        """The class as a stable word: ``Unavailable``, ``UnknownOutcome``, …"""
        return type(self).__name__


class Refusal(ProviderError):
    """A definite "no": nothing was done, and asking again would not change it."""


class Unavailable(Refusal):
    """Sold out, or the offer is gone."""


class PriceChanged(Refusal):
    """The supplier now asks another price than the one agreed."""

    def __init__(self, message: str, *, new_price: Money | None = None, **context: object) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]
        self.new_price = new_price


class InvalidRequest(Refusal):
    """Traveller or payload data is wrong.

    Attributes:
        field: the part of the caller's request it is about, such as
            ``travelers[1].document.number``, where that is known.
        plain: the message is in our own words, for whoever sent the request; else it may be a
            supplier's, which operators alone read.
    """

    def __init__(
        self, message: str, *, field: str | None = None, plain: bool = False, **context: object
    ) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]
        self.field = field
        self.plain = plain


class PaymentMethodRefused(InvalidRequest):
    """The payment method is unknown, or cannot be used: another one may work."""


class Declined(Refusal):
    """The payment was refused; another payment method may work."""


class NotCancellable(Refusal):
    """The supplier will not cancel: ticketed, already begun, no permission."""


class NoExchangeRate(Refusal):
    """The price cannot be converted: nobody publishes a rate, or only an old one."""


class AuthConfig(Refusal):
    """Credentials, permission or contract: an operator must mend it."""


class Fault(ProviderError):
    """No answer to rely on."""


class Retryable(Fault):
    """Nothing was done at the provider; the same call may be repeated after a pause."""

    def __init__(
        self, message: str, *, retry_after: dt.timedelta | None = None, **context: object
    ) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]
        self.retry_after = retry_after


class UnknownOutcome(Fault):
    """The provider may have done it: look up first, never blindly repeat."""


class Duplicate(Fault):
    """Our reference is already used there: look it up and take that as the answer."""
