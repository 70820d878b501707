"""The local world: PostgreSQL, Temporal, sandbox, worker and API on one machine, one process tree.

``postgres.start`` and ``temporal.start`` give a server each; ``shared.servers`` gives several
processes (test workers) the same pair; ``world.World`` runs the whole of it for ``tripsaga up``.
"""
