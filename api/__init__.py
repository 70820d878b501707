"""The front door: HTTP in, messages to workflows and reads of the record out."""
