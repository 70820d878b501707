"""Handling webhook events that the API has stored."""
