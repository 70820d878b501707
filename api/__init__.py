"""The HTTP API: packages by domain, ``core`` shared by all; ``app`` assembles them."""
