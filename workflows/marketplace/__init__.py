"""Workflows of what is bought of providers."""
