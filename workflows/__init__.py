"""The saga: deterministic orchestration, and nothing that does I/O.

Packages by domain: ``trips`` books, changes and cancels trips; ``payments`` settles payments;
``suppliers`` follows reservations; ``operations`` watches. ``core`` is what they share.
"""
