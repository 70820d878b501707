"""What providers offer: listings with rooms and rate plans, hotel packages, tours."""
