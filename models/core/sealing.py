"""Encrypting single values of the record, with the keys of ``PAYLOAD_KEYS``.

What is sealed is bound to its row: a value that was copied to another row is not opened there.
"""

from typing import Protocol


class Sealer(Protocol):
    """Keys by id, such as ``codec.keys.KeyRing``."""

    def seal(self, plain: bytes) -> tuple[str, bytes]:
        """Encrypt; return the key's id and what was made."""
        ...

    def open(self, key_id: str, sealed: bytes) -> bytes:
        """Decrypt what ``seal`` returned."""
        ...


class WrongPlace(Exception):
    """A sealed value belongs to another row."""


def sealed(sealer: Sealer, row: str, text: str) -> bytes:
    """Encrypt a text of the row with this name, such as ``message:<id>``."""
    key_id, ciphertext = sealer.seal(f"{row}\n{text}".encode())
    return key_id.encode() + b":" + ciphertext


def opened(sealer: Sealer, row: str, value: bytes) -> str:
    """Decrypt what :func:`sealed` made for the same row.

    Raises:
        WrongPlace: it was made for another one.
        Exception: as ``sealer.open``: the key is missing, or the value is damaged.
    """
    key_id, _, ciphertext = bytes(value).partition(b":")
    found, _, text = sealer.open(key_id.decode(), ciphertext).decode().partition("\n")
    if found != row:
        raise WrongPlace(f"this is no value of {row}")
    return text
