"""What is asked and answered about accounts: snake_case JSON, as all of ``/market/v1``."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.core.principals import Principal
from models.accounts.tables import IdentityKind, Role, SessionRow, UserRow
from models.core.text import CLIENT, LOCALE, PHONE, SIX_DIGITS, Email, Text
from models.core.times import Moment

Code = Annotated[str, Field(pattern=SIX_DIGITS, description="Six digits.")]
Client = Annotated[
    str,
    Field(
        pattern=CLIENT,
        description="Of programs: 128 random bits or more of their own, the same when the code is"
        " asked for and when it comes back. Browsers get a cookie instead, and send none.",
    ),
]
PhoneNumber = Annotated[
    Text, Field(min_length=4, max_length=32, pattern=PHONE, description="With `+` and country.")
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _one(given: str, absent: str) -> dict[str, Any]:
    types = {given: {"type": "string"}, absent: {"type": "null"}}
    return {"properties": types, "required": [given]}


class Contact(_Asked):
    """A mail address, or a phone number."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "ada@example.com"}, {"phone": "+12125550123"}],
            "oneOf": [_one("email", "phone"), _one("phone", "email")],
        }
    )

    email: Email | None = None
    phone: PhoneNumber | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.email is None) == (self.phone is None):
            raise ValueError("must have either email or phone")
        return self

    @property
    def given(self) -> tuple[IdentityKind, str]:
        """Which of the two, and how it was typed."""
        if self.email is not None:
            return IdentityKind.EMAIL, self.email
        assert self.phone is not None
        return IdentityKind.PHONE, self.phone


class CodeRequest(Contact):
    """Where to send a code to sign in with."""

    client: Client | None = None


class CodeGuess(_Asked):
    """A code that was sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "048113"}]})

    code: Code
    client: Client | None = None


class JustCode(_Asked):
    """A code that was sent to a new contact, or that the authenticator shows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "491027"}]})

    code: Code


class ProfileChange(_Asked):
    """What is to be changed; what is absent stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"display_name": "Ada"}]})

    display_name: Annotated[Text, Field(min_length=1, max_length=80)] | None = None
    locale: Annotated[str, Field(pattern=LOCALE, description="Such as en or de-AT.")] | None = None


class CodeSent(BaseModel):
    """A code is under way, if anybody reads there."""

    challenge_id: str
    expires_in: int = Field(description="Seconds until the code ends.")
    resend_after: int = Field(description="Seconds until another one may be asked for.")


class Profile(BaseModel):
    """A user, as that user sees it."""

    id: str
    email: str | None = None
    email_verified: bool
    phone: str | None = None
    phone_verified: bool
    display_name: str | None = None
    locale: str
    role: Role
    created_at: Moment

    @classmethod
    def of(cls, row: UserRow) -> Self:
        """Return a user from its row."""
        return cls(
            id=row.id,
            email=row.email,
            email_verified=row.email_verified_at is not None,
            phone=row.phone,
            phone_verified=row.phone_verified_at is not None,
            display_name=row.display_name,
            locale=row.locale,
            role=Role(row.role),
            created_at=row.created_at,
        )


class SignedIn(BaseModel):
    """A session has begun."""

    user: Profile
    session_id: str
    expires_at: Moment = Field(description="Later it ends in any case; after 12 idle hours before.")
    token: str | None = Field(
        default=None,
        description="Of programs: send it as `Authorization: Bearer`. It is told here alone.",
    )
    csrf_token: str | None = Field(
        default=None, description="Of browsers: send it as `X-CSRF-Token` with every change."
    )


class Me(BaseModel):
    """Who is signed in, and how."""

    user: Profile
    session_id: str
    second_factor_enrolled: bool
    second_factor_at: Moment | None = Field(
        default=None, description="When it was last proved in this session."
    )
    csrf_token: str | None = Field(
        default=None, description="Of browsers: send it as `X-CSRF-Token` with every change."
    )


class SessionAnswer(BaseModel):
    """A session of one's own."""

    id: str
    current: bool = Field(description="It is the one that asks.")
    method: IdentityKind = Field(description="Where the code was sent.")
    user_agent: str
    created_at: Moment
    last_seen_at: Moment = Field(description="To the minute.")
    expires_at: Moment

    @classmethod
    def of(cls, row: SessionRow, asking: Principal) -> Self:
        """Return a session from its row."""
        return cls(
            id=row.id,
            current=row.id == asking.session_id,
            method=IdentityKind(row.method),
            user_agent=row.user_agent,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
        )


class SessionsAnswer(BaseModel):
    """Where one is signed in."""

    sessions: list[SessionAnswer]


class Enrolment(BaseModel):
    """An authenticator that is to be confirmed with the code that it shows."""

    secret: str = Field(description="Base32, for typing. It is told here alone.")
    uri: str = Field(description="The same for a QR code (`otpauth://`).")


class SecondFactorProved(BaseModel):
    """A second factor was proved in this session."""

    second_factor_at: Moment
