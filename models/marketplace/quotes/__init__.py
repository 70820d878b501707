"""Prices as they were told: quotes, and the snapshot that a booking keeps of its own."""
