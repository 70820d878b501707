"""Workflows of a trip: booking, changing, cancelling and quoting it."""
