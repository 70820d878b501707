"""From a booking to what callers and travellers read."""
