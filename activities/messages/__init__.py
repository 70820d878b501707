"""Sending what people are told: mails by SMTP, texts by an HTTP API."""
