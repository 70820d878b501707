"""Claims on places."""
