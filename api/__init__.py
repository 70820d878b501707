"""The HTTP front door: packages by domain, ``core`` shared by all; ``app`` puts them together."""
