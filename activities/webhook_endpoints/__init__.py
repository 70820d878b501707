"""Webhooks on their way out: from the feed to callers' endpoints."""
