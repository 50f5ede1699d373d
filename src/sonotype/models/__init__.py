"""Backbones, one per file, and the classifier they sit in."""
