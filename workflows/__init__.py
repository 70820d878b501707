"""The saga: deterministic orchestration, and nothing that does I/O.

``booking`` books a trip, ``cancelling`` cancels one; both run under the booking's id. ``saga`` is
the undo, ``plan`` the order, ``policies`` the patience, ``perform`` the way to an activity.
"""
