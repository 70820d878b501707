"""Events of the gateway: taken in, kept, handled."""
