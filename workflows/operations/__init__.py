"""Rounds that a schedule starts: money and suppliers are watched."""
