"""Which suppliers there are, their health, and what is looked up at them later."""
