"""Reconciliations with the gateway, for operators."""
