"""Temporal activities: the only code workflows call to touch the world.

``bookings`` writes the record, ``items`` reaches suppliers, ``payments`` reaches the gateway;
``attempts`` is the log that makes repeating any of them safe.
"""
