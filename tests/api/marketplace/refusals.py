"""How what providers are refused is answered (tests/api/test_errors.py)."""

import datetime as dt
from typing import Any

from models.core.domain_errors import DomainError
from models.marketplace.catalogue.errors import (
    BelowSold,
    DepartureTimeDoesNotExist,
    FieldFixed,
    OfferIncomplete,
    OfferNotFound,
    OfferRefused,
    OfferStateConflict,
    ProviderNotApproved,
    Taken,
)
from models.marketplace.providers.errors import (
    OwnersOnly,
    ProviderNotFound,
    ProviderStateConflict,
    StepNotAsked,
    StepsMissing,
)
from models.marketplace.providers.lifecycle import VerificationStatus
from models.marketplace.versions import MarketVersionConflict, MarketVersionRequired

_DAY = dt.date(2031, 3, 30)
_SKIPPED = dt.datetime(2031, 3, 30, 2)  # noqa: DTZ001 - a local time
_V = VerificationStatus

MARKET: list[tuple[DomainError, int, str, str | None, dict[str, Any] | None]] = [
    (ProviderNotFound(), 404, "PROVIDER_UNKNOWN", None, None),
    (OwnersOnly(), 403, "OWNERS_ONLY", None, None),
    (StepNotAsked(["business"]), 422, "OFFER_REFUSED", "step", None),
    (StepsMissing(["terms"]), 409, "STEPS_MISSING", None, {"steps": ["terms"]}),
    (
        *(ProviderStateConflict(_V.REJECTED, [_V.IN_PROGRESS], "It was."), 409, "STATE_CONFLICT"),
        *(None, {"status": "REJECTED", "allowed": ["IN_PROGRESS"]}),
    ),
    (OfferNotFound("room"), 404, "OFFER_UNKNOWN", None, None),
    (OfferRefused("season", "It has none."), 422, "OFFER_REFUSED", "season", None),
    (
        *(ProviderNotApproved("SUSPENDED"), 409, "PROVIDER_NOT_APPROVED"),
        *(None, {"verificationStatus": "SUSPENDED"}),
    ),
    (ProviderNotApproved(), 409, "PROVIDER_NOT_APPROVED", None, None),
    (
        *(OfferIncomplete("listing", ["rooms"]), 409, "LISTING_INCOMPLETE"),
        *(None, {"missing": ["rooms"]}),
    ),
    (OfferIncomplete("tour", ["city"]), 409, "OFFER_INCOMPLETE", None, {"missing": ["city"]}),
    (
        *(OfferStateConflict("DRAFT", ["PUBLISHED"], "It is."), 409, "STATE_CONFLICT"),
        *(None, {"status": "DRAFT", "allowed": ["PUBLISHED"]}),
    ),
    (FieldFixed("currency", "It stays."), 409, "FIELD_FIXED", "currency", None),
    (
        *(BelowSold([Taken(_DAY, held=1, sold=2)]), 409, "BELOW_SOLD"),
        *(None, {"nights": [{"night": "2031-03-30", "sold": 2, "held": 1}]}),
    ),
    (
        *(DepartureTimeDoesNotExist(_DAY, _SKIPPED), 422, "TIME_DOES_NOT_EXIST", "start_time"),
        {"day": "2031-03-30", "next": {"date": "2031-03-30", "time": "02:00"}},
    ),
    (
        *(MarketVersionConflict(4, precondition=False), 409, "VERSION_CONFLICT"),
        *("expected_version", {"currentVersion": 4}),
    ),
    (
        *(MarketVersionConflict(4, precondition=True), 412, "VERSION_CONFLICT", "If-Match"),
        {"currentVersion": 4},
    ),
    (MarketVersionRequired(), 428, "VERSION_REQUIRED", "expected_version", None),
]
