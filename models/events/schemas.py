"""What consumers can rely on: the JSON Schemas of events, and an AsyncAPI document of all ways."""

from collections.abc import Iterator
from typing import Any

from models.events.cloudevent import MEDIA_TYPE, CloudEvent, schema_path
from models.events.content import CONTENTS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

EXCHANGE = "bookings.events"
"""The topic exchange of RabbitMQ, and the topic of Kafka, to which events are published."""

DESCRIPTION = """What happens to bookings, as CloudEvents 1.0 in structured JSON: the same bytes
by the feed, the stream and the broker.

Every event comes at least once; one that comes again has the same `id`. The events of a booking
come in the order of `bookingversion`; after a takeover of the relay older ones may come again:
ignore a version that is older than what you have. `previousversion` is the version told before:
whoever has not seen it has missed something. Ignore fields you do not know: some may be added.
"""


def schema_of(type_: str, version: int) -> dict[str, Any] | None:
    """Return the JSON Schema of a type's content; None: there is none of this type or version."""
    content = CONTENTS.get((type_, version))
    if content is None:
        return None
    schema = content.model_json_schema(mode="serialization")
    return {"$schema": _DIALECT, "$id": schema_path(type_, version), **_without_nulls(schema)}


def _without_nulls(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema as it is sent: a field that does not apply is absent, not null."""
    fields = {}
    for name, field in schema["properties"].items():
        sent = {key: inner for key, inner in field.items() if key not in ("anyOf", "default")}
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        fields[name] = {**(kinds[0] if kinds else {}), **sent}
    return {**schema, "properties": fields}


def asyncapi(title: str, version: str) -> dict[str, Any]:
    """Return the AsyncAPI 3 document."""
    envelope = _without_nulls(CloudEvent.model_json_schema(mode="serialization"))
    del envelope["$defs"], envelope["properties"]["data"]
    schemas: dict[str, Any] = {"CloudEvent": envelope}
    messages: dict[str, Any] = {}
    for (type_, number), content in CONTENTS.items():
        name = f"{type_}.{number}"
        schema = schema_of(type_, number) or {}
        schemas[name] = {key: value for key, value in schema.items() if key[0] != "$"}
        messages[name] = {
            "name": type_,
            "title": content.__name__,
            "summary": content.__doc__,
            "contentType": MEDIA_TYPE,
            "payload": {
                "allOf": [{"$ref": "#/components/schemas/CloudEvent"}],
                "type": "object",
                "required": ["data"],
                "properties": {
                    "type": {"const": type_},
                    "dataschema": {"const": schema_path(type_, number)},
                    "data": {"$ref": f"#/components/schemas/{name}"},
                },
            },
        }
    channels = {key: {**one, "messages": _named(messages)} for key, one in _CHANNELS.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version, "description": DESCRIPTION},
        "defaultContentType": MEDIA_TYPE,
        "channels": channels,
        "operations": {
            f"tell-{key}": {"action": "send", "channel": {"$ref": f"#/channels/{key}"}}
            for key in channels
        },
        "components": {"schemas": schemas, "messages": messages},
    }


def _named(messages: dict[str, Any]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in messages}


_CHANNELS: dict[str, dict[str, Any]] = {
    "stream": {
        "address": "/api/v1/events/stream",
        "description": "Server-sent events of your own bookings; `id` is the position.",
        "bindings": {"http": {"bindingVersion": "0.3.0"}},
    },
    "rabbitmq": {
        "address": "{type}",
        "description": "RabbitMQ, where it is set up: a durable topic exchange; the routing key is"
        " the event's type.",
        "parameters": {
            "type": {"description": "The event's type.", "enum": sorted({t for t, _ in CONTENTS})}
        },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": EXCHANGE,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                },
                "bindingVersion": "0.3.0",
            }
        },
    },
    "kafka": {
        "address": EXCHANGE,
        "description": "Kafka, where it is set up: the key of a record is the booking's id.",
        "bindings": {"kafka": {"topic": EXCHANGE, "bindingVersion": "0.5.0"}},
    },
}


def changes_that_break(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield what of a new schema readers of the old one cannot rely on any more.

    Allowed are further fields and other words. Another type, form, range or list of values is not,
    nor is a field that is gone or may be absent now.
    """
    for name in set(old.get("required", ())) - set(new.get("required", ())):
        yield f"{name} may be absent"
    for name, field in old["properties"].items():
        if name not in new["properties"]:
            yield f"{name} is gone"
        elif _bare(field) != _bare(new["properties"][name]):
            yield f"{name} is another: {_bare(field)}, now {_bare(new['properties'][name])}"


def _bare(schema: Any) -> Any:
    """Return a schema without its words."""
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    words = ("title", "description", "examples")
    return {key: _bare(value) for key, value in schema.items() if key not in words}
