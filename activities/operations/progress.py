"""How far a round has got: told with every heartbeat, and read by whoever takes it over."""

from pydantic import AwareDatetime, BaseModel
from temporalio import activity

from models.operations.messages import Reconciled
from models.payments.recorded import FIRST


class Progress(BaseModel):
    """Where to go on."""

    listed_until: AwareDatetime | None = None
    """The gateway's list is done up to here; None: not begun."""
    looked_after: str = FIRST
    """Bookings up to this id have been looked at."""
    started: dict[str, str | None] = {}
    """Bookings that this round has had settled, each with the stray payment, if it was for one."""
    answer: Reconciled = Reconciled()

    @classmethod
    def of_this_activity(cls) -> "Progress":
        """Return how far an earlier attempt at this activity has got."""
        details = activity.info().heartbeat_details
        return cls.model_validate(details[0]) if details else cls()
