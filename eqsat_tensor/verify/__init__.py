"""Rules and programs held against the truth."""
