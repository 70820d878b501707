"""Experiences of GetYourGuide (Partner API 1): ``GetYourGuideSupplier``."""

from suppliers.getyourguide.adapter import GetYourGuideSupplier

__all__ = ["GetYourGuideSupplier"]
