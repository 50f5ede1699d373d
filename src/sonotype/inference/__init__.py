"""A bundle to scores, without TensorFlow."""
