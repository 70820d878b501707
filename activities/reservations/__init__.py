"""Activities that only reservations need."""
