"""The keys that payloads are encrypted with: AES-256-GCM, several keys by id."""

import base64
import binascii
import os
import re
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ENCODING = b"binary/encrypted"
"""What an encrypted payload's metadata say; authenticated with every payload."""
_KEY_BYTES = 32
_NONCE_BYTES = 12
_KEY = re.compile(r"([A-Za-z0-9_.-]{1,32}):([A-Za-z0-9+/]{43}=)")


class CannotDecrypt(Exception):
    """A payload cannot be decrypted."""


class UnknownKey(CannotDecrypt):
    """A payload was encrypted with a key that is not in the ring.

    Mended by adding the key: whatever failed because of it may be tried again.
    """

    def __init__(self, key_id: str, known: Sequence[str]) -> None:
        """``known`` are the ids in the ring."""
        super().__init__(
            f"the payload is encrypted with key {key_id!r}, which is not in PAYLOAD_KEYS"
            f" (there: {', '.join(known)})"
        )
        self.key_id = key_id


class NotEncrypted(CannotDecrypt):
    """A payload is not encrypted, and PAYLOAD_PLAINTEXT does not allow that."""


class KeyRing:
    """Keys by id: the first encrypts, all decrypt.

    Example: ``KeyRing.parse("2027a:3q2+…=,2026b:7w4f…=")``.
    """

    def __init__(self, keys: dict[str, bytes]) -> None:
        """``keys`` by id, 32 bytes each, in the order of the ring.

        Raises:
            ValueError: there is no key, or one has another length.
        """
        if not keys:
            raise ValueError("at least one key is needed")
        # An AESGCM object holds the expanded key: made once, not for each payload.
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.active = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """Read ``id:base64,id:base64``, each key 32 bytes in standard base64.

        Raises:
            ValueError: it is written otherwise; the message quotes no key.
        """
        keys: dict[str, bytes] = {}
        for number, part in enumerate(text.split(","), 1):
            match = _KEY.fullmatch(part.strip())
            try:
                key = base64.b64decode(match[2], validate=True) if match else b""
            except binascii.Error:
                key = b""
            if match is None or len(key) != _KEY_BYTES:
                raise ValueError(
                    f"key {number} is not written ID:KEY, with a KEY of 32 bytes in base64"
                )
            if match[1] in keys:
                raise ValueError(f"the key id {match[1]!r} is there twice")
            keys[match[1]] = key
        return cls(keys)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys, the active one first."""
        return tuple(self._ciphers)

    def seal(self, plain: bytes) -> tuple[str, bytes]:
        """Encrypt; return the key id, and nonce and ciphertext in one."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self.active].encrypt(nonce, plain, _bound(self.active))
        return self.active, nonce + sealed

    def open(self, key_id: str, sealed: bytes) -> bytes:
        """Decrypt what ``seal`` returned.

        Raises:
            UnknownKey: the ring has no key of this id.
            CannotDecrypt: data or key id are not what was sealed, or the key is another one.
        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(key_id, self.ids)
        try:
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(key_id))
        except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
            raise CannotDecrypt(
                f"the payload is damaged, or its key {key_id!r} is not the one in PAYLOAD_KEYS"
            ) from None


def _bound(key_id: str) -> bytes:
    """Return what is authenticated beside the data."""
    return ENCODING + b"\0" + key_id.encode()
