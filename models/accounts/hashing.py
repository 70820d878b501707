"""HMACs of what must not be read from the tables, with the pepper, which is not in the database.

A six-digit code has a million values: any plain hash of it, however slow, is read from a dump.
"""

import hashlib
import hmac
import ipaddress
import secrets

from models.accounts.identities import Address

DIGITS = 6


def new_code() -> str:
    """Return six digits, each as likely as the others."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def address_hash(pepper: bytes, address: Address) -> bytes:
    """Return what an address is counted under."""
    return _hmac(pepper, "address", address.kind, address.norm)


def code_hash(pepper: bytes, challenge_id: str, code: str) -> bytes:
    """Return what is kept of a code."""
    return _hmac(pepper, "code", challenge_id, code)


def client_hash(pepper: bytes, client: str) -> bytes:
    """Return what is kept of the value that binds a code to who asked for it."""
    return _hmac(pepper, "client", client)


def network_hash(pepper: bytes, host: str) -> bytes:
    """Return what the network of an address is counted under: its /24, or its /64."""
    return _hmac(pepper, "network", _network(host))


def _network(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    prefix = 24 if isinstance(address, ipaddress.IPv4Address) else 64
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))


def _hmac(pepper: bytes, *parts: str) -> bytes:
    return hmac.new(pepper, "\n".join(parts).encode(), hashlib.sha256).digest()
