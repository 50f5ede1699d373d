"""Files to float32 arrays: reading, resampling, fitting to a length."""
