"""What happens behind each route: start, wait, read, cancel, watch, resolve."""
