"""What the emulated inventory and pricing services have in common: venues, times, slots, errors."""
