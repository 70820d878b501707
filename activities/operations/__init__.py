"""Watching the money: what ``WatchMoney`` has done.

``reconciling`` compares the record with the gateway and has differences put right, ``checking``
holds the invariants against record, ledger and gateway, ``reporting`` makes the report of a day.
None of them moves money or writes a booking.
"""
