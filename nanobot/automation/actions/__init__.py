"""What a run does: one file per word."""
