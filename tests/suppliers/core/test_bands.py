"""Who is in which age band."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suppliers.core.bands import Band, bands_of

ADULT, CHILD, SENIOR = Band("ADULT", 1, 13, 64), Band("CHILD", 1, 3, 12), Band("SENIOR", 1, 65)
ANYBODY = Band("TRAVELER", 1)


@pytest.mark.parametrize(
    ("ages", "bands", "found"),
    [
        ([30, 6], [ADULT, CHILD], [0, 1]),
        ([6, 30], [ADULT, CHILD], [1, 0]),
        ([13, 12, 65], [ADULT, CHILD, SENIOR], [0, 1, 2]),
        ([30, 6], [ANYBODY, ADULT], [1, 0]),
        ([30, 40], [ANYBODY, Band("EXTRA", 1)], [0, 1]),
        ([30, 70, 31], [SENIOR, Band("ADULT", 2, 13, 64)], [1, 0, 1]),
    ],
)
def test_bands(ages: list[int], bands: list[Band], found: list[int]) -> None:
    assert bands_of(ages, bands) == found


def test_a_party_that_does_not_fit_is_told_why() -> None:
    with pytest.raises(
        ValueError, match=r"aged 30, 70 on the day do not fit 2 senior \(ages 65–\)"
    ):
        bands_of([30, 70], [Band("SENIOR", 2, 65)])


AGES = st.lists(st.integers(0, 90), min_size=1, max_size=4)
BANDS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 80), st.none() | st.integers(0, 90)),
    min_size=1,
    max_size=3,
)


@given(AGES, BANDS)
def test_whoever_can_be_seated_is(
    ages: list[int], ranges: list[tuple[int, int, int | None]]
) -> None:
    bands = [Band(str(n), *one) for n, one in enumerate(ranges)]
    tickets = [n for n, band in enumerate(bands) for _ in range(band.count)]
    possible = any(
        all(bands[band].takes(age) for band, age in zip(order, ages, strict=True))
        for order in itertools.permutations(tickets)
        if len(order) == len(ages)
    )
    try:
        found = bands_of(ages, bands)
    except ValueError:
        assert not possible
        return
    assert possible
    assert sorted(found) == tickets
    assert all(bands[band].takes(age) for band, age in zip(found, ages, strict=True))
