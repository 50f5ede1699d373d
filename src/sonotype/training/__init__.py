"""Fitting a classifier: batches, schedule, progress, best weights."""
