"""The fencing token: of two workers of one workflow, whose writing counts."""

Fence = list[int]
"""A fencing token (docs/decisions/0031): start of the run, length of its history, start of the
workflow task. Tokens are compared in this order; of two that write, the one with the higher token
came later. Times are microseconds since 1970, by Temporal's clock.
"""
