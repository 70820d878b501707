"""The payload codec alone: what it writes, and what it refuses to read."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload

from codec.keys import CannotDecrypt, KeyRing, NotEncrypted, UnknownKey
from codec.payloads import EncryptionCodec

RING = KeyRing({"a": os.urandom(32)})
CODEC = EncryptionCodec(RING)
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"passport X1234567"')

payloads = st.builds(
    Payload,
    metadata=st.dictionaries(st.sampled_from(["encoding", "messageType"]), st.binary(max_size=20)),
    data=st.binary(max_size=300) | st.binary(max_size=9).map(lambda part: part * 1000),
)


@given(st.lists(payloads, max_size=4))
async def test_what_is_encoded_is_decoded_to_the_same(originals: list[Payload]) -> None:
    encoded = await CODEC.encode(originals)
    assert await CODEC.decode(encoded) == originals
    for payload in encoded:
        assert payload.metadata == {"encoding": b"binary/encrypted", "key-id": b"a"}


async def test_nothing_of_a_payload_can_be_read() -> None:
    (encoded,) = await CODEC.encode([PLAIN])
    written = encoded.SerializeToString()
    assert b"passport" not in written
    assert b"json" not in written


async def test_large_payloads_become_smaller() -> None:
    large = Payload(metadata={"encoding": b"json/plain"}, data=b'{"currency": "EUR"}' * 200)
    (encoded,) = await CODEC.encode([large])
    assert encoded.ByteSize() < large.ByteSize() / 10
    assert await CODEC.decode([encoded]) == [large]


async def test_what_was_written_before_is_read() -> None:
    """Written with the first vocabulary: running workflows have payloads like it."""
    ring = KeyRing({"written": bytes(range(32))})
    sealed = base64.b64decode("cxZwXGla8jnyi/EODkpyjXgRl65KVyvD5YFQ0mQP0YjPhMqo5EQ5lPzGzWogIhCz")
    (decoded,) = await EncryptionCodec(ring).decode(
        [Payload(metadata={"encoding": b"binary/encrypted", "key-id": b"written"}, data=sealed)]
    )
    assert decoded.data == b'{"booking_id":"b-1","item":1,"key":"v1:b-1:1:book:1"}'
    assert len(sealed) < len(decoded.data)


async def test_rotation() -> None:
    old_key, new_key = os.urandom(32), os.urandom(32)
    old = EncryptionCodec(KeyRing({"old": old_key}))
    # Step 1: everybody can read the new key. Step 2: it encrypts. Step 3: the old one is gone.
    first = EncryptionCodec(KeyRing({"old": old_key, "new": new_key}))
    second = EncryptionCodec(KeyRing({"new": new_key, "old": old_key}))
    third = EncryptionCodec(KeyRing({"new": new_key}))
    for writer in (old, first, second):
        for reader in (first, second):
            assert await reader.decode(await writer.encode([PLAIN])) == [PLAIN]
    assert await third.decode(await second.encode([PLAIN])) == [PLAIN]
    with pytest.raises(UnknownKey, match="key 'old', which is not in PAYLOAD_KEYS"):
        await third.decode(await first.encode([PLAIN]))


async def test_what_is_not_encrypted_is_refused_unless_that_is_allowed() -> None:
    with pytest.raises(NotEncrypted, match="PAYLOAD_PLAINTEXT=true"):
        await CODEC.decode([PLAIN])
    with pytest.raises(NotEncrypted):
        await CODEC.decode([*await CODEC.encode([PLAIN]), PLAIN])
    lenient = EncryptionCodec(RING, plaintext=True)
    assert await lenient.decode([PLAIN, *await CODEC.encode([PLAIN])]) == [PLAIN, PLAIN]


async def test_tampering_is_noticed() -> None:
    (encoded,) = await CODEC.encode([PLAIN])
    for place in (0, 12, len(encoded.data) - 1):
        data = bytearray(encoded.data)
        data[place] ^= 1
        changed = Payload(metadata=encoded.metadata, data=bytes(data))
        with pytest.raises(CannotDecrypt, match="damaged"):
            await CODEC.decode([changed])


@pytest.mark.parametrize(
    "body", [b"\1not deflated", b"\0\xff no payload"], ids=["deflated", "plain"]
)
async def test_what_is_sealed_must_be_a_payload(body: bytes) -> None:
    """Written with the right key, but not by this codec."""
    key_id, sealed = RING.seal(body)
    payload = Payload(
        metadata={"encoding": b"binary/encrypted", "key-id": key_id.encode()}, data=sealed
    )
    with pytest.raises(CannotDecrypt, match="is no payload"):
        await CODEC.decode([payload])
