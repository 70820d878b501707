"""Settling a booking's payment, and how a trip is paid."""
