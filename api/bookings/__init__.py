"""What routes about every kind of booking share: starting, finding, waiting, cancelling."""
