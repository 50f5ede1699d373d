"""Scanning many recordings: processes, a journal, and what is left to do."""
