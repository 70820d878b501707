"""Webhook events of gateways and suppliers: stored first, handled afterwards."""
