"""A payment service reached over HTTP (contracts.md §2)."""
