"""The relay to Kafka, against an imitation that speaks its protocol (tests/support/kafka.py)."""

import asyncio
import dataclasses

import pytest
from aiokafka import AIOKafkaConsumer

from activities.outbox import kafka as relay
from activities.outbox.kafka import KafkaSink
from models.core.errors import Retryable
from models.events.cloudevent import encode
from models.events.schemas import EXCHANGE
from tests.events.test_cloudevent import EVENT
from tests.support import kafka


@pytest.fixture(scope="module")
def program() -> str:
    try:
        return str(kafka.obtain())
    except kafka.NotToBeHad as error:
        pytest.skip(str(error))


async def test_events_are_records_with_the_booking_as_key(program: str) -> None:
    events = [
        dataclasses.replace(
            EVENT,
            id=f"{booking}-{version}",
            booking_version=version,
            booking_id=f"booking-{booking}",
        )
        for version in (1, 2, 3)
        for booking in range(5)
    ]
    with kafka.serving(kafka.cached()) as address:
        sink = KafkaSink(address)
        for event in events:
            await sink.deliver(event)
        await sink.close()
        consumer = AIOKafkaConsumer(
            EXCHANGE, bootstrap_servers=address, auto_offset_reset="earliest"
        )
        await consumer.start()
        async with asyncio.timeout(20):
            records = [await consumer.getone() for _ in events]
        await consumer.stop()
    assert {record.value for record in records} == {encode(event) for event in events}
    for booking in range(5):
        of_one = [r for r in records if r.key == f"booking-{booking}".encode()]
        assert len({record.partition for record in of_one}) == 1
        wanted = [encode(e) for e in events if e.booking_id == f"booking-{booking}"]
        assert [record.value for record in of_one] == wanted
    assert records[0].headers == (("content-type", b"application/cloudevents+json"),)


async def test_a_broker_that_is_away_is_no_fault_of_the_event(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "CONFIRM_SECONDS", 1.0)
    before = asyncio.all_tasks()
    with kafka.serving(kafka.cached()) as address:
        sink = KafkaSink(address)
        await sink.deliver(EVENT)
    async with asyncio.timeout(10):
        with pytest.raises(Retryable):
            await sink.deliver(EVENT)
        with pytest.raises(Retryable):
            await sink.deliver(EVENT)
    await sink.close()
    assert asyncio.all_tasks() == before, "a producer that was given up goes on"
    with pytest.raises(ValueError, match="schema"):
        await sink.deliver(dataclasses.replace(EVENT, data={}))
