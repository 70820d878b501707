"""Requests and answers of the trip routes, exactly as contracts.md §1 has them."""
