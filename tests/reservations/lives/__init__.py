"""Lives of reservations, drawn by Hypothesis: by hand, by time, and with crashes (R6)."""
