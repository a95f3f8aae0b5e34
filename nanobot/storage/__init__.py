"""Where machine-owned data is kept. What a person writes is never written here."""
