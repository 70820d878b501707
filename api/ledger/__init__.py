"""The ledger for operators."""
