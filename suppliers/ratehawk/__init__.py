"""RateHawk (ETG): hotels."""
