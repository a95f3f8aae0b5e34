"""What decides about a run: one file per word."""
