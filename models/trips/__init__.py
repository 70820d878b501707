"""What only trips have: the trip option, changes, cancellation quotes."""
