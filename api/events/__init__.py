"""Events of bookings for callers: the feed, the stream, and what describes them."""
