"""How much may be asked a minute: by a caller, for a traveller, from an address (S7).

Each limit follows the generic cell rate algorithm: its whole quota may be used at once, and comes
back evenly over the minute. The figures are this process's own (docs/decisions/0071).
"""

import base64
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from models.core.domain_errors import RateLimited
from settings.parts import LimitSettings

WINDOW_SECONDS = 60
_MOST_PARTITIONS = 50_000
"""Of one limit; beyond that the one that asked longest ago is forgotten."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Allowance:
    """What a limit left after a request took its unit, or why it could not."""

    limit: str
    quota: int
    remaining: int
    reset: int
    """Seconds until one more request is allowed."""
    exceeded: bool
    partition_key: bytes | None = None
    """Tells a caller's partitions apart, where it has several."""


class RateLimit:
    """One limit: ``quota`` requests a minute for each partition, such as each caller; 0: none."""

    def __init__(
        self, name: str, quota: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._quota = quota
        self._clock = clock
        self._whole_again: OrderedDict[str, float] = OrderedDict()
        """When a partition will have its whole quota again: its theoretical arrival time."""

    def spend(
        self, partition: str, allowances: list[Allowance], *, key: bytes | None = None
    ) -> None:
        """Take one unit of a partition's quota, and add what is left to ``allowances``.

        Raises:
            RateLimited: there is none.
        """
        allowance = self.take(partition, key)
        if allowance is not None:
            allowances.append(allowance)
            if allowance.exceeded:
                raise RateLimited(self._name, self._quota, allowance.reset)

    def take(self, partition: str, key: bytes | None = None) -> Allowance | None:
        """Take one unit of a partition's quota, if one is left; None: there is no limit.

        ``key`` is shown to the caller as the partition's.
        """
        if not self._quota:
            return None
        now, unit = self._clock(), WINDOW_SECONDS / self._quota
        whole_again = max(self._whole_again.get(partition, now), now)
        left = (WINDOW_SECONDS - (whole_again - now)) / unit + _ROUNDING
        exceeded = left < 1
        if not exceeded:
            left -= 1
            self._whole_again[partition] = whole_again + unit
            self._whole_again.move_to_end(partition)
            if len(self._whole_again) > _MOST_PARTITIONS:
                self._whole_again.popitem(last=False)
        reset = max(1, math.ceil((1 - left % 1) * unit - _ROUNDING))
        return Allowance(self._name, self._quota, int(left), reset, exceeded, key)


class RateLimits:
    """All limits of the API, as they are set."""

    def __init__(self, limits: LimitSettings) -> None:
        self.requests = RateLimit("requests", limits.caller_requests)
        """Of a caller, whatever it asks."""
        self.user_requests = RateLimit("requests", limits.user_requests)
        """Of a signed-in user, whatever it asks."""
        self.searches = RateLimit("searches", limits.caller_searches)
        """Of a caller or a user: lists and reports."""
        self.bookings = RateLimit("bookings", limits.caller_bookings)
        """New bookings of a caller."""
        self.traveler_bookings = RateLimit("traveler-bookings", limits.traveler_bookings)
        """New bookings of a caller for one traveller."""
        self.keyless = RateLimit("keyless", limits.address_requests)
        """From an address, of routes that ask for no key, by their policy."""
        self.wrong_keys = RateLimit("wrong-keys", limits.address_wrong_keys)
        """From an address. Valid keys are served beside them: many callers may share it."""


def headers(allowances: Sequence[Allowance]) -> list[tuple[bytes, bytes]]:
    """Return the fields of draft-ietf-httpapi-ratelimit-headers-10."""
    if not allowances:
        return []
    policies, left = [], []
    for one in allowances:
        name = f'"{one.limit}"'
        key = f";pk=:{base64.b64encode(one.partition_key).decode()}:" if one.partition_key else ""
        policies.append(f"{name};q={one.quota};w={WINDOW_SECONDS}{key}")
        left.append(f"{name};r={one.remaining};t={one.reset}{key}")
    return [
        (b"ratelimit-policy", ", ".join(policies).encode()),
        (b"ratelimit", ", ".join(left).encode()),
    ]


@lru_cache(maxsize=4096)
def network(host: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))
