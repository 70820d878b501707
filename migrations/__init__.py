"""Alembic migrations; ``tripsaga migrate`` runs them."""
