"""Accounts: signing in with a code, one's own contacts, sessions and second factor."""
