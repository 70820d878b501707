"""Addresses that strangers name: which of them we connect to (reliability.md S20).

A URL is checked when it is given; the address a name stands for is judged whenever a connection is
made (:mod:`models.core.guarded_http`), for it may be another one each time.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

import idna

from models.core.text import HELD

LONGEST_URL = 2_000
URL: Final = rf"^https?://[^\s{HELD}]+$"
"""What a URL looks like at first sight."""

_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            # IANA's registries of special-purpose addresses (RFC 6890 and its successors)
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "168.63.129.16/32",  # Azure's host answers here, from any of its machines
            "2001::/23",  # Teredo, benchmarks, ORCHID and other protocols
            "2001:db8::/32",
            "2002::/16",  # 6to4 leads to any IPv4 address
            "3fff::/20",
        ),
    )
)
_GLOBAL_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNSEEN = re.compile(rf"[\s{HELD}]")
_SENT_AS_IT_IS = re.compile(r"[!-~]+")
"""Printable ASCII without blanks."""


class UnfitUrl(ValueError):
    """We send nothing to this URL; the message says why, and is for whoever named it."""


class AddressRefused(Exception):
    """A name stands for an address that is not public, or for none; nothing was connected to."""


@dataclass(frozen=True)
class Reach:
    """What may be connected to."""

    ports: Collection[int] = frozenset({443})
    local: bool = False
    """Also ``http``, any port, and this machine: in the local world only."""


def is_public(text: str) -> bool:
    """Tell whether an IP address is one of the public internet.

    An address that leads to another one is judged by that (NAT64) or refused (6to4, Teredo,
    IPv4 mapped into IPv6).
    """
    try:
        address = ip_address(text)
    except ValueError:  # with a zone, such as fe80::1%eth0
        return False
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(str(IPv4Address(int(address) & 0xFFFF_FFFF)))
        if address not in _GLOBAL_UNICAST:
            return False
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast


def is_allowed(address: str, reach: Reach) -> bool:
    """Tell whether an IP address may be connected to."""
    if not reach.local:
        return is_public(address)
    try:
        return ip_address(address).is_loopback or is_public(address)
    except ValueError:
        return False


def fit_url(url: str, reach: Reach) -> str:
    """Return a URL as it is kept and called: the name of its host in ASCII (IDNA), lower case.

    Raises:
        UnfitUrl: it is no URL, or one that we do not call.
    """
    if len(url) > LONGEST_URL:
        raise UnfitUrl(f"must have at most {LONGEST_URL} characters")
    if _UNSEEN.search(url):  # urlsplit takes some of them out, silently
        raise UnfitUrl("must not hold blanks or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnfitUrl("is no URL") from None
    schemes = ("https", "http") if reach.local else ("https",)
    if parts.scheme not in schemes or not url[len(parts.scheme) :].startswith("://"):
        raise UnfitUrl(f"must begin with {' or '.join(f'{one}://' for one in schemes)}")
    if "@" in parts.netloc:
        raise UnfitUrl("must not hold a user or a password")
    if "#" in url:
        raise UnfitUrl("must not have a fragment")
    host = _host(parts)
    if not reach.local and (port or 443) not in reach.ports:
        allowed = ", ".join(map(str, sorted(reach.ports)))
        raise UnfitUrl(f"must not name a port other than {allowed}")
    if port == 0:
        raise UnfitUrl("must not name port 0")
    if ":" in host or _is_v4(host):
        if not is_allowed(host, reach):
            raise UnfitUrl("must not name an address that is not public")
        host = f"[{host}]" if ":" in host else host
    rest = parts._replace(scheme="", netloc="", fragment="").geturl()
    if rest and (not _SENT_AS_IT_IS.fullmatch(rest) or "\\" in rest):
        raise UnfitUrl("must be escaped: only ASCII, without backslashes")
    port_named = "" if port in (None, 443 if parts.scheme == "https" else 80) else f":{port}"
    return f"{parts.scheme}://{host}{port_named}{rest or '/'}"


def _host(parts: SplitResult) -> str:
    """Return the host in ASCII, an IPv6 address without its brackets."""
    named = parts.hostname or ""
    if "[" in parts.netloc:
        try:
            return IPv6Address(named).compressed
        except ValueError:
            raise UnfitUrl("must not name a host in brackets that is no IPv6 address") from None
    try:
        host = named if named.isascii() else idna.encode(named, uts46=True).decode()
    except idna.IDNAError:
        raise UnfitUrl("must name a host that can be looked up") from None
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(host) > 253:
        raise UnfitUrl("must name a host that can be looked up")
    if _NUMBER.fullmatch(labels[-1]) and not _is_v4(host):  # 2130706433, 127.1, 0x7f.1
        raise UnfitUrl("must write an IPv4 address as four decimal numbers")
    return host


def _is_v4(host: str) -> bool:
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True
