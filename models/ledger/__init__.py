"""The ledger: double entry, append-only, written in the transaction of the state change."""

from models.ledger.writing import add_rule, post_transition

__all__ = ["add_rule", "post_transition"]
