"""Decoded audio on disk: every file is decoded once."""
