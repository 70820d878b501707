"""What a booking costs: time, history, SQL and CPU, measured on a world of its own."""
