"""What is wrong with data, found before any training; no torch here."""
