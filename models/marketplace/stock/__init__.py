"""Nights of rooms and seats of departures: how many there are, are held and are sold."""
