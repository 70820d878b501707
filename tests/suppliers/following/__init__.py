"""What suppliers say afterwards."""
