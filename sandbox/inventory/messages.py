"""What the inventory service is asked; its answers are in ``desk``."""

from pydantic import Field, model_validator

from sandbox.venues.slots import AskedSlot, Body, Word


class Check(Body):
    """``POST check-availability``."""

    slot: AskedSlot
    excluding: Word | None = None


class Reserve(Body):
    """``POST reserve``."""

    reference: Word
    slot: AskedSlot
    guest_name: str = Field(min_length=1, max_length=240)
    notes: str = Field(default="", max_length=1_000)


class Release(Body):
    """``POST release``."""

    reference: Word


class Update(Body):
    """``POST update-reservation``; without a slot it changes nothing, and reads."""

    reference: Word
    key: Word | None = None
    slot: AskedSlot | None = None
    guest_name: str | None = Field(default=None, min_length=1, max_length=240)
    notes: str | None = Field(default=None, max_length=1_000)

    @model_validator(mode="after")
    def _keyed(self) -> "Update":
        rest = (self.guest_name, self.notes)
        if (self.key is None) is not (self.slot is None) or (self.slot is None and any(rest)):
            raise ValueError("a change has a key and a slot")
        return self
