"""The supplier protocol, the HTTP client and the pace of requests."""
