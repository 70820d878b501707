"""The words of the house: money, trips, terms, life cycle, messages and tables.

Imports nothing of ours. Everything except ``tables`` and ``database`` is free of I/O and may be
imported by workflows.
"""
