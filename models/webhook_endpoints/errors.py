"""What is refused about webhook endpoints."""

import datetime as dt

from models.core.domain_errors import DomainError


class EndpointNotFound(DomainError):
    """There is no such endpoint, or it is another caller's."""

    def __init__(self) -> None:
        super().__init__("there is no such webhook endpoint")


class DeliveryNotFound(DomainError):
    """There is no such delivery at this endpoint."""

    def __init__(self) -> None:
        super().__init__("there is no such delivery")


class EndpointExists(DomainError):
    """The caller has an endpoint of this URL already, with other types or words.

    Attributes:
        endpoint_id: which.
    """

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"the caller has endpoint {endpoint_id} of this URL")
        self.endpoint_id = endpoint_id


class EndpointNotActive(DomainError):
    """The endpoint is paused or disabled: nothing is sent to it.

    Attributes:
        status: which of the two.
    """

    def __init__(self, status: str) -> None:
        super().__init__(f"the endpoint is {status}")
        self.status = status


class SecretRotated(DomainError):
    """The endpoint's secret was replaced a short while ago: the one before it still signs.

    Attributes:
        until: how long that does.
    """

    def __init__(self, until: dt.datetime) -> None:
        super().__init__(f"an old secret of the endpoint signs until {until}")
        self.until = until


class TooManyEndpoints(DomainError):
    """The caller has as many endpoints as one may have.

    Attributes:
        most: how many that are.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"a caller has at most {most} webhook endpoints")
        self.most = most


class UrlRefused(DomainError):
    """We send nothing to this URL; the message says why."""
