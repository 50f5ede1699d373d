"""Arrays in, numbers and pictures out; no framework."""
