"""Viator: experiences."""
