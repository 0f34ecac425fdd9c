"""`Plan` -> machine code: one folder a backend, of which no room before it knows."""
