"""Workflows of reservations."""
