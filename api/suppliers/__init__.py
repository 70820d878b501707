"""Health, attempts and orders of suppliers, for operators."""
