"""The gateway protocol, its errors and declines, webhook verification."""
