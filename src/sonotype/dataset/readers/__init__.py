"""One reader per source format; each returns a table of clips."""
