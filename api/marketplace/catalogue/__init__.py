"""What providers offer: listings with rooms and nights, hotel packages, tours with departures."""
