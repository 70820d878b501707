"""The booking: its states and transitions, its tables, its repository."""
