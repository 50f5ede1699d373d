"""Keras layers from waveform to features, one per file; `mel` is plain numpy."""
