"""Money under any order of events: random lives of bookings, whole worlds behind them."""
