"""Gateways behind one protocol: Stripe, or a payment service."""
