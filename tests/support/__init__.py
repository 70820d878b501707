"""What tests stand on: the stack, the worker processes and the outside checker."""
