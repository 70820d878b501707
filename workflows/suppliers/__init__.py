"""Following a booking at its suppliers."""
