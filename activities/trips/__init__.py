"""The record of trips, their quotes and changes."""
