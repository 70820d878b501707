"""The attempt log, heartbeats, and how faults become Temporal failures."""
