"""A local world: Stripe, suppliers and a trip planner in one HTTP process.

Stateful, by their published paths and shapes, and faulty on demand. It imports no other
package of this system: it is the outside world. Start it with ``python -m sandbox``; look at it
under ``/_sandbox``.
"""
