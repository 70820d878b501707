"""Activities that only what is bought of providers needs."""
