"""A trip planner: makes trip options out of live offers, and keeps their lock (contracts.md §1).

Not a published API: the shape is the trip option that the booking API reads. No faults can be armed
here.
"""

from sandbox.planner.routes import router

__all__ = ["router"]
