"""GetYourGuide: experiences."""
