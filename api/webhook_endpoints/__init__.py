"""Webhooks that we send: callers' endpoints, deliveries and their log."""
