"""Webhooks that we send: callers' endpoints, what is to be delivered to them, and how it went."""
