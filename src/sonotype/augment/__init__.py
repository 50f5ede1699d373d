"""Keras layers that vary training examples, one per file; identity at inference."""
