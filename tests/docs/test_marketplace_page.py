"""What docs/marketplace.md and docs/verification.md say is what the code does."""

import re

from api.core.problems import CODES
from docs import verification
from models.marketplace.catalogue.departures import DEPARTURES_AT_MOST
from models.marketplace.catalogue.inventory import NIGHTS_AT_MOST
from models.marketplace.catalogue.lifecycle import AvailabilityRule, OfferStatus
from models.marketplace.catalogue.places import city_norm
from models.marketplace.providers.lifecycle import TRANSITIONS
from models.marketplace.providers.messages import MOVES, Decision
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "marketplace.md").read_text()


def test_the_verification_is_what_the_table_of_transitions_says() -> None:
    assert verification.FILE.read_text() == verification.document(), "python -m docs.verification"


def test_every_transition_has_its_reason() -> None:
    moves = {(before, to) for before, following in TRANSITIONS.items() for to in following}
    assert moves == verification.BY_THE_PROVIDER.keys() | set(MOVES.values())


def test_the_page_names_what_there_is() -> None:
    for name in (*Decision, *OfferStatus, *AvailabilityRule):
        assert name in PAGE
    assert f"up to\n{NIGHTS_AT_MOST}," in PAGE
    assert f"up to {DEPARTURES_AT_MOST} days" in PAGE
    assert city_norm("São  Brás") == "sao bras"
    of_providers = PAGE.partition("## Search")[0]
    told = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", of_providers))
    assert told - set(AvailabilityRule) <= set(CODES)
