"""Experiences of Viator (Partner API 2.0): ``ViatorSupplier``."""

from suppliers.viator.adapter import ViatorSupplier

__all__ = ["ViatorSupplier"]
