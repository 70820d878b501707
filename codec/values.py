"""How values become JSON: by pydantic, without what equals its default."""

from typing import Any

from pydantic_core import SchemaSerializer, core_schema
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)

_SERIALIZER = SchemaSerializer(core_schema.any_schema())


class _WithoutDefaults(PydanticJSONPlainPayloadConverter):
    """Leaves out fields that have their default: most of a booking's are empty most of the time."""

    def to_payload(self, value: Any) -> Payload:
        """Return ``value`` as a payload."""
        data = _SERIALIZER.to_json(value, exclude_defaults=True)
        return Payload(metadata={"encoding": self.encoding.encode()}, data=data)


# Made once: the SDK makes a converter for every activation and activity.
_LEAN = _WithoutDefaults()
_USUAL = DefaultPayloadConverter.default_encoding_payload_converters


class LeanPayloadConverter(CompositePayloadConverter):
    """The SDK's converter with JSON by pydantic; whoever reads it fills the defaults in again."""

    def __init__(self) -> None:
        super().__init__(
            *(_LEAN if isinstance(one, JSONPlainPayloadConverter) else one for one in _USUAL)
        )
