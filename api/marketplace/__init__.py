"""The marketplace: providers, what they offer, search, quotes."""
