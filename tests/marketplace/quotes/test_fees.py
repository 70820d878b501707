"""Cancellation terms: in order, never dearer earlier, never above the price, by the clock there."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core.money import smallest_charge
from models.core.terms import CancellationTerms, FeeStep
from models.marketplace.catalogue.terms import FeeTemplate, Kept
from models.marketplace.quotes.fees import Beginning, Part, kept, no_show_fee, terms_of
from models.marketplace.quotes.moments import next_moment
from tests.marketplace.quotes.drawn import currencies, keeps, templates

NOW = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Karachi",
    "Pacific/Chatham",
    "America/Santiago",
    "Africa/Cairo",
)
LOCAL = dt.datetime(2031, 3, 12, 18)  # noqa: DTZ001 - on a clock there
NOTHING, ALL = Kept(basis_points=0), Kept(basis_points=10_000)


@st.composite
def parts(draw: st.DrawFn, currency: str) -> Part:
    step = smallest_charge(currency)
    nights = [one * step for one in draw(st.lists(st.integers(0, 900), min_size=1, max_size=9))]
    taxes = draw(st.integers(0, 500)) * step
    return Part(sum(nights) + taxes, nights, draw(templates), draw(st.none() | keeps))


@st.composite
def sold(draw: st.DrawFn) -> tuple[list[Part], str]:
    currency = draw(currencies)
    return draw(st.lists(parts(currency), min_size=1, max_size=3)), currency


@given(
    sold(),
    st.sampled_from(ZONES),
    st.datetimes(dt.datetime(2031, 1, 1), dt.datetime(2032, 6, 1)),  # noqa: DTZ001
    st.integers(0, 90 * 24),
)
def test_terms(those: tuple[list[Part], str], zone: str, local: dt.datetime, hours: int) -> None:
    some, currency = those
    begins = Beginning(local, zone)
    now = next_moment(local, zone) - dt.timedelta(hours=hours)
    terms = terms_of(some, begins, now, currency)
    total = sum(part.total for part in some)
    ends = [step.until for step in terms.steps]
    assert ends[-1] is None
    before = [end for end in ends[:-1] if end is not None]
    assert len(before) == len(ends) - 1
    assert before == sorted(set(before))
    assert all(end > now for end in before), "what is past is left out"
    fees = [step.fee for step in terms.steps]
    assert fees == sorted(set(fees)), "each step keeps more than the one before"
    assert fees[0] >= 0
    assert fees[-1] <= total
    assert 0 <= no_show_fee(some, currency) <= total
    for moment in (now, *(end - dt.timedelta(seconds=1) for end in before)):
        stated = sum(_stated(part, begins, moment, currency) for part in some)
        assert terms.fee_at(moment, total) <= stated, "nobody pays more than was stated"


def _stated(part: Part, begins: Beginning, moment: dt.datetime, currency: str) -> int:
    """What the provider's own words keep at a moment; of two about the same end, the lower."""
    at: dict[dt.datetime, int] = {}
    for one in part.templates:
        end = dt.datetime.max.replace(tzinfo=dt.UTC)
        if one.hours_before is not None:
            end = next_moment(begins.local - dt.timedelta(hours=one.hours_before), begins.zone)
        fee = kept(one.kept, part, currency)
        at[end] = min(fee, at.get(end, fee))
    ahead = [end for end in sorted(at) if end > moment]
    return at[ahead[0]] if ahead else part.total


def test_as_the_provider_stated_it() -> None:
    part = Part(
        41_700,
        [13_000, 13_000, 13_000],
        [
            FeeTemplate(hours_before=72, kept=NOTHING),
            FeeTemplate(hours_before=24, kept=Kept(nights=1)),
            FeeTemplate(kept=ALL),
        ],
        Kept(amount=20_000),
    )
    utc = dt.UTC
    assert terms_of([part], Beginning(LOCAL, "Asia/Karachi"), NOW, "USD") == CancellationTerms(
        steps=(
            FeeStep(until=dt.datetime(2031, 3, 9, 13, tzinfo=utc), fee=0),
            FeeStep(until=dt.datetime(2031, 3, 11, 13, tzinfo=utc), fee=13_000),
            FeeStep(until=None, fee=41_700),
        )
    )
    assert no_show_fee([part], "USD") == 20_000


def test_rooms_on_two_plans_are_cancelled_together() -> None:
    free = Part(1_000, [1_000], [FeeTemplate(hours_before=48, kept=NOTHING)], ALL)
    half = Part(600, [600], [FeeTemplate(hours_before=24, kept=Kept(basis_points=5_000))], ALL)
    terms = terms_of([free, half], Beginning(LOCAL, "UTC"), NOW, "USD")
    assert [step.fee for step in terms.steps] == [300, 1_300, 1_600]


def test_an_earlier_step_that_keeps_more_is_lowered() -> None:
    part = Part(
        900,
        [300, 300, 300],
        [FeeTemplate(hours_before=48, kept=Kept(nights=2)), FeeTemplate(kept=Kept(amount=100))],
        None,
    )
    terms = terms_of([part], Beginning(LOCAL, "UTC"), NOW, "USD")
    assert terms == CancellationTerms(steps=(FeeStep(until=None, fee=100),))
    assert no_show_fee([part], "USD") == 100


def test_terms_that_nobody_stated_keep_everything() -> None:
    part = Part(900, [900], [], None)
    terms = terms_of([part], Beginning(LOCAL, "UTC"), NOW, "USD")
    assert terms == CancellationTerms.non_refundable(900)
    assert no_show_fee([part], "USD") == 900


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("Europe/Berlin", (2031, 3, 30, 2, 30), (2031, 3, 30, 1, 0)),  # skipped: 3:00 comes next
        ("Europe/Berlin", (2031, 10, 26, 2, 30), (2031, 10, 26, 0, 30)),  # twice: the first
        ("America/New_York", (2031, 3, 9, 2, 15), (2031, 3, 9, 7, 0)),
        ("America/New_York", (2031, 11, 2, 1, 30), (2031, 11, 2, 5, 30)),
        ("Australia/Lord_Howe", (2031, 10, 5, 2, 10), (2031, 10, 4, 15, 30)),  # by half an hour
        ("Pacific/Apia", (2011, 12, 30, 15, 0), (2011, 12, 30, 10, 0)),  # a day that never was
        ("Asia/Karachi", (2031, 3, 30, 2, 30), (2031, 3, 29, 21, 30)),
    ],
)
def test_a_deadline_on_a_clock_that_is_changed(
    zone: str, local: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    moment = next_moment(dt.datetime(*local), zone)  # type: ignore[arg-type]  # noqa: DTZ001
    assert moment == dt.datetime(*expected, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize("zone", ZONES)
def test_deadlines_are_of_the_wall_clock_through_a_year(zone: str) -> None:
    """24 hours before 18:00 is 18:00 the day before, however long that day was."""
    part = Part(100, [100], [FeeTemplate(hours_before=24, kept=NOTHING)], None)
    for day in range(1, 366):
        local = dt.datetime(2031, 1, 1, 18) + dt.timedelta(days=day)  # noqa: DTZ001
        begins = Beginning(local, zone)
        terms = terms_of([part], begins, dt.datetime(2030, 1, 1, tzinfo=dt.UTC), "USD")
        until = terms.steps[0].until
        assert until is not None
        shown = until.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert shown == local - dt.timedelta(days=1)
