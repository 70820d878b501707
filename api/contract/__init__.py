"""What callers send and what they are answered (contracts.md §1)."""
