"""When a fault fires: by nth call, by seeded rate, for one reference only."""

import pytest

from sandbox.faults import KINDS, OPERATIONS, FaultSwitch

SOLD = OPERATIONS | {"viator": frozenset({"quote", "book", "find", "cancel"})}


def fired(switch: FaultSwitch, calls: int, reference: str | None = None) -> list[int]:
    """The numbers of the calls (from 1) that met a fault."""
    return [
        number
        for number in range(1, calls + 1)
        if switch.draw("stripe", "confirm", reference) is not None
    ]


def test_fires_once_at_the_first_call_unless_told_otherwise() -> None:
    switch = FaultSwitch(SOLD)
    switch.arm("stripe", "confirm", "error")
    assert fired(switch, 4) == [1]


def test_fires_at_the_nth_call_counted_from_arming() -> None:
    switch = FaultSwitch(SOLD)
    fired(switch, 5)
    switch.arm("stripe", "confirm", "error", nth=3)
    assert fired(switch, 6) == [3]


def test_fires_several_times_in_a_row_from_the_nth_call_on() -> None:
    switch = FaultSwitch(SOLD)
    fault = switch.arm("stripe", "confirm", "error", nth=2, times=3)
    assert fired(switch, 8) == [2, 3, 4]
    assert (fault.calls, fault.fired) == (8, 3)


def test_a_rate_is_decided_by_its_seed() -> None:
    first, second, other = FaultSwitch(SOLD), FaultSwitch(SOLD), FaultSwitch(SOLD)
    first.arm("stripe", "confirm", "error", rate=0.3, seed=7)
    second.arm("stripe", "confirm", "error", rate=0.3, seed=7)
    other.arm("stripe", "confirm", "error", rate=0.3, seed=8)
    numbers = fired(first, 200)
    assert numbers == fired(second, 200)
    assert numbers != fired(other, 200)
    assert 30 <= len(numbers) <= 90


def test_rates_of_zero_and_one_are_never_and_always() -> None:
    switch = FaultSwitch(SOLD)
    switch.arm("stripe", "confirm", "error", rate=0)
    assert fired(switch, 50) == []
    switch.arm("stripe", "confirm", "error", rate=1)
    assert len(fired(switch, 50)) == 50


def test_a_rate_can_be_limited() -> None:
    switch = FaultSwitch(SOLD)
    switch.arm("stripe", "confirm", "error", rate=1, times=2)
    assert fired(switch, 10) == [1, 2]


def test_only_calls_of_that_supplier_operation_and_reference_count() -> None:
    switch = FaultSwitch(SOLD)
    fault = switch.arm("stripe", "confirm", "error", reference="abc")
    assert switch.draw("stripe", "capture", "abc-1") is None
    assert switch.draw("viator", "book", "abc-1") is None
    assert switch.draw("stripe", "confirm", "xyz") is None
    assert switch.draw("stripe", "confirm", None) is None
    assert switch.draw("stripe", "confirm", "1-abc-2") is fault


def test_of_two_due_faults_the_first_armed_wins_and_the_other_comes_next() -> None:
    switch = FaultSwitch(SOLD)
    switch.arm("stripe", "confirm", "error")
    switch.arm("stripe", "confirm", "reset")
    kinds = [f.kind if (f := switch.draw("stripe", "confirm")) else None for _ in range(3)]
    assert kinds == ["error", "reset", None]


def test_cleared_faults_do_not_fire() -> None:
    switch = FaultSwitch(SOLD)
    kept = switch.arm("stripe", "confirm", "error", nth=2)
    gone = switch.arm("stripe", "confirm", "error")
    assert switch.clear(gone.id) == 1
    assert switch.clear(gone.id) == 0
    assert fired(switch, 3) == [2]
    assert switch.list() == [kept]
    assert switch.clear() == 1


@pytest.mark.parametrize(
    ("supplier", "operation", "kind", "says"),
    [
        ("nobody", "book", "error", "supplier 'nobody' is unknown"),
        ("stripe", "book", "error", "stripe has no operation 'book'"),
        ("viator", "capture", "error", "viator has no operation 'capture'"),
        ("viator", "book", "explode", "kind 'explode' is unknown"),
    ],
)
def test_what_does_not_exist_cannot_be_armed(
    supplier: str, operation: str, kind: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        FaultSwitch(SOLD).arm(supplier, operation, kind)


def test_nth_and_rate_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        FaultSwitch().arm("stripe", "confirm", "error", nth=1, rate=0.5)


def test_kinds_that_take_time_have_a_default() -> None:
    timed = {kind for kind, seconds in KINDS.items() if seconds}
    assert timed == {"hang", "commit_then_hang", "late_commit", "slow", "short_hold"}
    assert FaultSwitch().arm("stripe", "confirm", "hang").seconds == 60
    assert FaultSwitch().arm("stripe", "confirm", "hang", seconds=0).seconds == 0
