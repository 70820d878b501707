"""What routes of the marketplace share: who asks, which version is meant, tags of answers."""

import uuid
from typing import Annotated

from fastapi import Header, Path, Request, Response
from pydantic import BaseModel

from api.core.entity_tags import answered, version_of, versioned
from api.core.principals import Principal
from models.marketplace.catalogue.errors import OfferRefused
from models.marketplace.versions import Expected

PREFIX = "/market/v1"

IfMatch = Annotated[str | None, Header(description="The `ETag` that it must have, or its version.")]

ProviderId = Annotated[uuid.UUID, Path(description="The provider's id.")]
ListingId = Annotated[uuid.UUID, Path(description="The listing's id.")]
RoomId = Annotated[uuid.UUID, Path(description="The room's id.")]
RatePlanId = Annotated[uuid.UUID, Path(description="The rate plan's id.")]
PackageId = Annotated[uuid.UUID, Path(description="The package's id.")]
TourId = Annotated[uuid.UUID, Path(description="The tour's id.")]
DepartureId = Annotated[uuid.UUID, Path(description="The departure's id.")]

CHANGING = (400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 428, 500, 503)
"""Problems of routes that change something in a version."""
MOVING = (400, 401, 403, 404, 409, 412, 422, 500, 503)
"""Problems of routes without a body that move something."""
ASKING = (401, 403, 404, 422, 500, 503)
"""Problems of routes that read something a path names."""


def user_of(principal: Principal) -> str:
    """Return the id of the user who asks a route of users."""
    assert principal.user_id is not None, "the policy lets only users in"
    return principal.user_id


def expected(named: int | None, if_match: str | None, *, demanded: bool = False) -> Expected:
    """Return the version that a request is about.

    Raises:
        OfferRefused: ``If-Match`` is no version, or another one than ``expected_version``.
        MarketVersionRequired: none is named, and one is demanded.
    """
    found = Expected(named)
    if if_match is not None and if_match.strip() != "*":
        version = version_of(if_match)
        if version is None:
            words = "If-Match must be an ETag that this API told, or its version."
            raise OfferRefused("If-Match", words)
        if named not in (None, version):
            raise OfferRefused("expected_version", "If-Match and expected_version differ.")
        found = Expected(version, precondition=named is None)
    if demanded:
        found.demand()
    return found


def tagged(response: Response, version: int, told: BaseModel) -> None:
    """Tag an answer as :func:`shown_tagged` does."""
    response.headers["ETag"] = versioned(version, _body(told)).tag


def shown_tagged(request: Request, version: int, told: BaseModel) -> Response:
    """Return an answer with a tag that begins with its version, or 304 to who has it already."""
    return answered(request, versioned(version, _body(told)))


def _body(told: BaseModel) -> bytes:
    return told.model_dump_json(by_alias=True).encode()
