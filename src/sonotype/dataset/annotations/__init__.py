"""One reader per format of time-stamped annotations; each returns a table of events."""
