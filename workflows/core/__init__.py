"""What workflows share: compensations, retry policies, the way to an activity."""
