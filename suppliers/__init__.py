"""Suppliers behind one protocol, each in its package; the trip planner; exchange rates."""
