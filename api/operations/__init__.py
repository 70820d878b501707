"""Cases and operators' decisions."""
