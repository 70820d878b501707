"""The supplier protocol, the HTTP client and the rate limiter."""
