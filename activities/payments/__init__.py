"""Authorising, capturing, releasing and refunding at the gateway."""
