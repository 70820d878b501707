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


class _WithoutDefaults(PydanticJSONPlainPayloadConverter):
    """Leaves out fields that have their default: most of a booking's are empty most of the time."""

    def __init__(self) -> None:
        super().__init__()
        self._serializer = SchemaSerializer(core_schema.any_schema())

    def to_payload(self, value: Any) -> Payload:
        """Return ``value`` as a payload."""
        data = self._serializer.to_json(value, exclude_defaults=True)
        return Payload(metadata={"encoding": self.encoding.encode()}, data=data)


class LeanPayloadConverter(CompositePayloadConverter):
    """The SDK's converter with JSON by pydantic; whoever reads it fills the defaults in again."""

    def __init__(self) -> None:
        lean = _WithoutDefaults()
        usual = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(
            *(lean if isinstance(one, JSONPlainPayloadConverter) else one for one in usual)
        )
