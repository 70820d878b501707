"""What a check of the doctor says."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    name: str
    verdict: Verdict
    what: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for a script."""
        return asdict(self)
