"""What operators send and are answered about the ledger. Amounts in minor units, times in UTC."""

from typing import Annotated, Self

from pydantic import AwareDatetime, ConfigDict, Field

from api.core.filters import SellerName
from api.core.schemas import Answer
from models.core.money import WHOLE
from models.core.text import CamelModel, Text
from models.core.times import Moment
from models.ledger.checking import Findings
from models.ledger.commission import WHOLE as ALL
from models.ledger.commission import CommissionRule
from models.ledger.entries import Direction
from models.ledger.reports import Balance, Statement, StatementEntry


class BalanceAnswer(Answer):
    """One account of one owner in one currency."""

    account: str
    owner: str = Field(description="Supplier or gateway; empty where the account has none.")
    currency: str
    debited: int
    credited: int
    balance: int = Field(description="Debited less credited.")

    @classmethod
    def of(cls, balance: Balance) -> Self:
        """Return a balance as it is answered."""
        return cls.model_validate(balance, from_attributes=True)


class BalancesAnswer(Answer):
    """All accounts; in every currency they sum to 0."""

    at: AwareDatetime | None = Field(default=None, description="The moment asked for; now if none.")
    balances: list[BalanceAnswer]


class LineAnswer(Answer):
    """One side of an entry."""

    account: str
    owner: str
    direction: Direction
    amount: int
    currency: str


class EntryAnswer(Answer):
    """A journal entry."""

    id: int
    entry_type: str
    source_id: str = Field(description="What it was made from: payment, refund, item, …")
    description: str
    created_at: AwareDatetime
    lines: list[LineAnswer]
    traveler_balance: int = Field(
        description="What the traveller is owed for this booking after it, outside SUSPENSE."
    )
    hash: str

    @classmethod
    def of(cls, found: StatementEntry) -> Self:
        """Return an entry as it is answered."""
        sealed = found.sealed
        return cls(
            id=sealed.id,
            entry_type=sealed.entry.type,
            source_id=sealed.entry.source,
            description=sealed.entry.description,
            created_at=sealed.created_at,
            lines=[
                LineAnswer(
                    account=line.place.account,
                    owner=line.place.owner,
                    direction=line.direction,
                    amount=line.amount,
                    currency=line.currency,
                )
                for line in sealed.entry.lines
            ],
            traveler_balance=found.traveler,
            hash=sealed.hash,
        )


class StatementAnswer(Answer):
    """Every entry of a booking, oldest first."""

    booking_id: str
    booking_reference: str
    state: str
    currency: str
    entries: list[EntryAnswer]

    @classmethod
    def of(cls, found: Statement) -> Self:
        """Return a statement as it is answered."""
        return cls(
            booking_id=found.booking_id,
            booking_reference=found.reference,
            state=found.state,
            currency=found.currency,
            entries=[EntryAnswer.of(entry) for entry in found.entries],
        )


class ViolationAnswer(Answer):
    """Something that must never be."""

    kind: str = Field(description="sum, entry, chain, source, traveler, suspense or cash")
    message: str
    booking_id: str | None = None
    entry_id: int | None = None


class CheckAnswer(Answer):
    """Whether the ledger is right."""

    ok: bool
    since: AwareDatetime | None
    entries: int = Field(description="How many entries were verified one by one.")
    violations: list[ViolationAnswer]

    @classmethod
    def of(cls, found: Findings) -> Self:
        """Return the findings of a check as they are answered."""
        return cls(
            ok=not found.violations,
            since=found.since,
            entries=found.entries,
            violations=[
                ViolationAnswer.model_validate(one, from_attributes=True)
                for one in found.violations
            ],
        )


class RuleAnswer(Answer):
    """A share of sales that we earn."""

    id: int
    supplier: str | None = Field(description="Null: all suppliers without a rule of their own.")
    provider: str | None = Field(description="Null: everybody at that supplier.")
    basis_points: int = Field(description="Hundredths of a per cent of the price.")
    valid_from: AwareDatetime
    created_at: AwareDatetime
    who: str

    @classmethod
    def of(cls, rule: CommissionRule) -> Self:
        """Return a rule as it is answered."""
        return cls.model_validate(rule, from_attributes=True)


class RulesAnswer(Answer):
    """All rules, old and future ones too: the most general first, of one scope the oldest first."""

    rules: list[RuleAnswer]


class RuleBody(CamelModel):
    """A new commission rule; it replaces the older ones for the same supplier and provider."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"provider": {"type": "null"}}},
                {"properties": {"supplier": {"type": "string"}}, "required": ["supplier"]},
            ],
            "examples": [
                {"supplier": "booking_com", "basisPoints": 1500},
                {
                    "supplier": "booking_com",
                    "provider": "Hotel Aurora",
                    "basisPoints": 1250,
                    "validFrom": "2031-03-01T00:00:00Z",
                },
            ],
        }
    )

    supplier: Annotated[
        SellerName | None, Field(description="Null: all without a rule of their own.")
    ] = None
    provider: Annotated[
        Text | None,
        Field(min_length=1, max_length=200, description="Airline, hotel, operator; null: all."),
    ] = None
    basis_points: Annotated[int, Field(ge=0, le=ALL, strict=True), WHOLE]
    valid_from: Annotated[Moment | None, Field(description="Not in the past; null: at once.")] = (
        None
    )
