"""The payload codec: encrypts everything that Temporal keeps about bookings (S13).

An encrypted payload has the metadata ``encoding`` (always ``binary/encrypted``) and ``key-id``; its
data are a nonce of 12 bytes and the sealed original payload, compressed first where that makes it
smaller. Encoding and key id are authenticated too: a payload relabelled with another key id does
not decrypt.
"""

import zlib
from collections.abc import Sequence

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from codec.keys import ENCODING, CannotDecrypt, KeyRing, NotEncrypted

_ENCODING_FIELD = "encoding"
_KEY_ID_FIELD = "key-id"
_PLAIN, _DEFLATED = b"\0", b"\1"
"""First byte of what is sealed: how the rest is written."""
_COMPRESS_FROM = 30
"""Bytes from which compressing is tried."""
_VOCABULARY = (
    b'{"supplier_fee":,"supplier_fee_currency":"refused":{"code":"UNAVAILABLE","step":"message":""'
    b',"details":{"operation":"contact":{"billing_details":{"name":"patience":{"provider_timeout":{'
    b'"components":[{"component_id":"type":"FLIGHT","HOTEL","ACTIVITY","starts_at":"20","ends_at":"'
    b'"first_name":"last_name":"date_of_birth":"gender":"FEMALE","MALE","email":"phone":"+"document'
    b'":{"number":"expiry_date":"issuance_country":"nationality":"quotes":{"1":{"price":{"amount":,'
    b'"currency":"EUR"},"terms":{"steps":[{"until":null,"fee":0}]},"title":"offer":{},"holdable":tr'
    b'ue}"items":[{"number":1,"type":"supplier":"booking_com","title":"price":"status":"CONFIRMED",'
    b'"saga_state":"BOOKED","booked_at":"payment":{"id":"pi_","charge_id":"ch_","payment_method_id"'
    b':"pm_card_visa","currency":"USD","amount":,"status":"authorised","authorised":,"captured":,"c'
    b'apture_before":"{"booking_id":"","item":1,"key":"v1::book:1"}{"reservation":{"reference":"","'
    b'supplier_id":"","confirmation_code":"","provider":"","price":{"amount":,"currency":"USD"},"de'
    b'tails":{"{"seq":1,"attempt":1,"activity_id":"1","activity_type":"book_item","complete_time":{'
    b'"seconds":1,"nanos":},"backoff":null,"original_schedule_time":{"seconds":1,"nanos":},"activat'
    b'ion_index":1}\n\x16\n\x08encoding\x12\njson/plain\x12'
)
"""What payloads mostly consist of, so that short ones become shorter too: a history by an eighth.

Part of the format: what was compressed with it is not read with another. One that is changed needs
another first byte.
"""
_WINDOW_BITS, _MEMORY_LEVEL = -13, 6
"""Raw deflate with a window of 8 kB: zlib's own defaults cost four times as much for payloads of
this size, for they clear 256 kB of memory each time."""
_LARGEST = 64 * 1024 * 1024
"""No payload of Temporal's comes near this after decompression; protects against bombs."""


class EncryptionCodec(PayloadCodec):
    """Encrypts every payload on its way to Temporal, and decrypts it on its way back.

    All in the calling thread: a payload of a few kilobytes takes some ten microseconds, less than
    a thread's turn.
    """

    def __init__(self, ring: KeyRing, *, plaintext: bool = False) -> None:
        """``plaintext``: payloads that are not encrypted are taken as they are, not refused."""
        self._ring = ring
        self._plaintext = plaintext

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads encrypted with the ring's active key."""
        return [self._encode(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they were before ``encode``.

        Raises:
            UnknownKey, NotEncrypted, CannotDecrypt: of the first that cannot be decrypted.
        """
        return [self._decode(payload) for payload in payloads]

    @staticmethod
    def key_id_of(payload: Payload) -> str | None:
        """Return the id of the key that a payload is encrypted with; None when with none."""
        if payload.metadata.get(_ENCODING_FIELD) != ENCODING:
            return None
        return payload.metadata.get(_KEY_ID_FIELD, b"").decode(errors="replace")

    def _encode(self, payload: Payload) -> Payload:
        plain = payload.SerializeToString()
        body = _PLAIN + plain
        if len(plain) >= _COMPRESS_FROM:
            deflating = zlib.compressobj(
                6,
                zlib.DEFLATED,
                _WINDOW_BITS,
                _MEMORY_LEVEL,
                zlib.Z_DEFAULT_STRATEGY,
                _VOCABULARY,
            )
            deflated = deflating.compress(plain) + deflating.flush()
            if len(deflated) < len(plain):
                body = _DEFLATED + deflated
        key_id, sealed = self._ring.seal(body)
        return Payload(
            metadata={_ENCODING_FIELD: ENCODING, _KEY_ID_FIELD: key_id.encode()}, data=sealed
        )

    def _decode(self, payload: Payload) -> Payload:
        key_id = self.key_id_of(payload)
        if key_id is None:
            if self._plaintext:
                return payload
            raise NotEncrypted(
                "the payload is not encrypted, so it was not written by this application;"
                " PAYLOAD_PLAINTEXT=true reads such payloads"
            )
        body = self._ring.open(key_id, payload.data)
        try:
            plain = _inflate(body[1:]) if body[:1] == _DEFLATED else body[1:]
            return Payload.FromString(plain)
        except (zlib.error, DecodeError):
            raise CannotDecrypt("what the payload holds is no payload") from None


def _inflate(deflated: bytes) -> bytes:
    inflating = zlib.decompressobj(_WINDOW_BITS, _VOCABULARY)
    plain = inflating.decompress(deflated, _LARGEST)
    if not inflating.eof:
        raise zlib.error("cut off, or too large")
    return plain
