"""Sound that comes by itself: a microphone, a pipe, or a file played."""
