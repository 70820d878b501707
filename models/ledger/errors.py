"""What the ledger refuses."""

from models.core.domain_errors import DomainError


class RuleRefused(DomainError):
    """A commission rule cannot be set like this; the message says why, in plain words."""
