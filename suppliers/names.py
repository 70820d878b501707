"""The names of the suppliers, for those who need no more of them: commission rules."""

SUPPLIERS = frozenset({"amadeus", "booking_com", "viator"})
"""Those of ``suppliers.registry`` (a test compares the two); importing that one loads them all."""
