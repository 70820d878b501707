"""Tests on the real stack: PostgreSQL, Temporal, the sandbox over HTTP, workers as processes."""
