"""Webhooks of gateways and suppliers: verified, stored, answered."""
