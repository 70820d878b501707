"""Encryption of what Temporal keeps: ``keys``, the codec in ``payloads``, the Web UI's endpoint."""
