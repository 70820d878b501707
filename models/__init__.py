"""Data and its rules: imports nothing of the other layers.

``core`` is shared by all domains; ``bookings`` is what every kind of booking has; the others are
domains: trips, payments, ledger, suppliers, inbox, operations.
"""
