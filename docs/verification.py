"""Makes ``docs/verification.md`` from providers' transitions: ``python -m docs.verification``."""

from pathlib import Path

from models.marketplace.providers.lifecycle import TRANSITIONS, VerificationStatus
from models.marketplace.providers.messages import MOVES
from models.marketplace.providers.steps import OPEN_TO_CHANGES, STEPS_OF, Step

FILE = Path(__file__).with_suffix(".md")

_V = VerificationStatus

MEANING = {
    _V.NOT_STARTED: "The profile was made.",
    _V.IN_PROGRESS: "Steps are being filled in.",
    _V.SUBMITTED: "Complete, and waiting for its review. A change takes it back.",
    _V.UNDER_REVIEW: "Somebody of the house looks at it.",
    _V.APPROVED: "What it offers may be put on sale.",
    _V.REJECTED: "Not approved; the history says why. To correct something begins it again.",
    _V.SUSPENDED: "Was approved. Nothing of it is on sale; what is booked stays booked.",
}
"""What each status means, for readers."""

BY_THE_PROVIDER = {
    (_V.NOT_STARTED, _V.IN_PROGRESS): "a step",
    (_V.IN_PROGRESS, _V.SUBMITTED): "submit",
    (_V.SUBMITTED, _V.IN_PROGRESS): "a changed step",
    (_V.REJECTED, _V.IN_PROGRESS): "a changed step",
}
"""What of the provider's moves its profile; the rest are decisions of reviews."""


def document() -> str:
    """Return the whole text of ``docs/verification.md``."""
    moves = BY_THE_PROVIDER | {move: decision.value for decision, move in MOVES.items()}
    arrows = [
        f"    {before} --> {to}: {moves[before, to]}"
        for before in _V
        for to in _V
        if to in TRANSITIONS[before]
    ]
    return "\n".join(
        [
            "# The verification of a provider",
            "",
            (
                "Made from [`models/marketplace/providers`](../models/marketplace/providers) by"
                " `python -m docs.verification`; a test keeps the two the same. A trigger in the"
                " database refuses every other transition. [Providers](marketplace.md#providers)"
                " says what they are."
            ),
            "",
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> NOT_STARTED",
            *arrows,
            "```",
            "",
            "| status | meaning | steps that may be changed |",
            "|---|---|---|",
            *(f"| {status} | {MEANING[status]} | {_open(status)} |" for status in _V),
            "",
            "| type of provider | steps |",
            "|---|---|",
            *(f"| {kind} | {_listed(steps)} |" for kind, steps in STEPS_OF.items()),
            "",
        ]
    )


def _open(status: VerificationStatus) -> str:
    steps = OPEN_TO_CHANGES[status]
    if steps == frozenset(Step):
        return "all"
    return _listed([step for step in Step if step in steps]) or "none"


def _listed(steps: list[Step] | tuple[Step, ...]) -> str:
    return ", ".join(f"`{step}`" for step in steps)


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
