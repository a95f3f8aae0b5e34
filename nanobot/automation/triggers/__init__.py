"""What starts a run: one file per word."""
