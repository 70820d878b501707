"""Places, terms and seasons as providers state them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.marketplace.catalogue.errors import OfferRefused
from models.marketplace.catalogue.lifecycle import AvailabilityRule
from models.marketplace.catalogue.places import city_norm
from models.marketplace.catalogue.rules import expect_package, expect_terms, expect_zone
from models.marketplace.catalogue.terms import FeeTemplate, Kept

KEPT = Kept(basis_points=5_000)
YEAR = dt.date(2031, 6, 1), dt.date(2031, 9, 1)
R = AvailabilityRule


@pytest.mark.parametrize(
    ("city", "searched"),
    [
        ("  São   PAULO ", "sao paulo"),
        ("Zürich", "zurich"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("I\u0307stanbul", "istanbul"),
        ("\u0130stanbul", "istanbul"),
        ("Ha\u0308lle", "halle"),
        ("東京", "東京"),
        ("Αθήνα", "αθηνα"),
    ],
)
def test_cities_are_searched_for_in_one_spelling(city: str, searched: str) -> None:
    assert city_norm(city) == searched


@given(st.text())
def test_a_searched_city_is_its_own_spelling(city: str) -> None:
    assert city_norm(city_norm(city)) == city_norm(city)
    assert city_norm(city.upper().lower()) == city_norm(city.upper().lower().strip())


@pytest.mark.parametrize("zone", ["", "Europe/Nowhere", "localtime", "../etc/passwd", "Factory"])
def test_zones_that_are_none(zone: str) -> None:
    with pytest.raises(OfferRefused):
        expect_zone(zone)


@pytest.mark.parametrize(
    "hours", [[], [24], [None, None], [24, 48, None], [24, 24, None], [None, 24], [48, None, 24]]
)
def test_terms_that_are_not_in_order(hours: list[int | None]) -> None:
    with pytest.raises(OfferRefused):
        expect_terms([FeeTemplate(hours_before=one, kept=KEPT) for one in hours])


@pytest.mark.parametrize("hours", [[None], [0, None], [72, 24, None]])
def test_terms_in_order(hours: list[int | None]) -> None:
    expect_terms([FeeTemplate(hours_before=one, kept=KEPT) for one in hours])


@pytest.mark.parametrize(
    ("rule", "season", "weekdays", "nights"),
    [
        (R.SEASONAL, None, None, 3),
        (R.FLEXIBLE, YEAR, None, 3),
        (R.SEASONAL, (YEAR[0], YEAR[0] + dt.timedelta(days=2)), None, 3),
        (R.SEASONAL, (YEAR[1], YEAR[0]), None, 3),
        (R.SEASONAL, (dt.date(1, 1, 1), YEAR[0]), None, 3),
        (R.WEEKEND_ONLY, None, [5, 1], 2),
    ],
)
def test_packages_that_cannot_be(
    rule: AvailabilityRule,
    season: tuple[dt.date, dt.date] | None,
    weekdays: list[int] | None,
    nights: int,
) -> None:
    with pytest.raises(OfferRefused):
        expect_package(rule, season, weekdays, nights)


def test_packages_that_can() -> None:
    expect_package(R.SEASONAL, YEAR, [1], 7)
    expect_package(R.WEEKEND_ONLY, None, [5, 6], 2)
    expect_package(R.WEEKEND_ONLY, None, None, 2)
    expect_package(R.FLEXIBLE, None, [1, 2], 2)
