"""What most people want, in one line: a manifest that depends on it."""
