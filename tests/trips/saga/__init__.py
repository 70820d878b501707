"""The saga on the real stack."""
