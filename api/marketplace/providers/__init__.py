"""Providers: profiles, onboarding, and their reviews by admins."""
