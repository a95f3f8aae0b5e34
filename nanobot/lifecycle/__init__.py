"""What runs: finds integrations, sets entries up, applies edits, keeps the process in order."""
