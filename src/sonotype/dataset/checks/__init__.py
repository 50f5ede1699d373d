"""What is in a data set, and what is wrong with it, before an hour is spent on it."""
